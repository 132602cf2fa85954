import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Builds the page into a folder, in its own process: inside a test runner Vite builds for development. */
export function buildSite(outDir: string): void {
  const env: NodeJS.ProcessEnv = { ...process.env };
  delete env['NODE_ENV'];
  delete env['VITEST'];
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  execFileSync(process.execPath, [vite, 'build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
}
