// Installs transformers.js outside the sources, from the lock file in this folder, unless that has been done.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../setup/build-for-node.mjs';

const place = join(root, 'node_modules', '.cache', 'kvtab-bench-transformers');

/** @returns {Promise<string>} the folder of the installed packages */
export async function installTransformers() {
  const lock = await readFile(join(import.meta.dirname, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const mark = join(place, 'installed');
  const packages = join(place, 'node_modules');
  if (existsSync(mark) && (await readFile(mark, 'utf8')) === wanted) return packages;

  process.stderr.write('installing transformers.js for the comparison…\n');
  await mkdir(place, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    await copyFile(join(import.meta.dirname, file), join(place, file));
  }
  // Its install scripts fetch programs that a page does not need.
  const options = ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', options, { cwd: place, shell: process.platform === 'win32' });
  await writeFile(mark, wanted);
  return packages;
}
