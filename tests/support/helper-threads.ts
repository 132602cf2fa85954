import { join, resolve } from 'node:path';
import { build, type Rolldown } from 'vite';

const root = resolve(import.meta.dirname, '../..');

/**
 * The script of a helper's thread in Node, in one piece.
 *
 * @param entry from the root of the project
 */
export async function helperScript(entry = 'tools/headless/helper-thread.ts'): Promise<URL> {
  const output = (await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'silent',
    build: { ssr: join(root, entry), write: false, target: 'node20', minify: false },
  })) as Rolldown.RolldownOutput; // one build, which is not watched
  return new URL(`data:text/javascript,${encodeURIComponent(output.output[0].code)}`);
}
