// Builds a program of this project for Node. Vite is needed because kernels are imported as `.wgsl?raw` and `.ts?assembly`.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { assemblyScript } from './assembly-script.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const builds = join(root, 'dist-headless');

/**
 * @param {readonly string[]} folders from the root
 * @returns {string[]} what the build depends on: files, in an order of their own
 */
function sourceFiles(folders) {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return [...files, join(root, 'package-lock.json')].sort();
}

/**
 * A name for what the sources say: unlike times, it survives copies, checkouts and clocks.
 *
 * @param {readonly string[]} folders
 */
function nameOfSources(folders) {
  const hash = createHash('sha256');
  for (const file of sourceFiles(folders))
    hash.update(`${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Builds beside the place and moves the build there at once, so that two runs do not see half of each other's.
 *
 * @param {string} entry
 * @param {string} bundle
 * @param {string} program
 */
async function build(entry, bundle, program) {
  const { build: viteBuild } = await import('vite');
  const workshop = join(builds, `building-${process.pid}`);
  try {
    await viteBuild({
      root,
      configFile: false,
      publicDir: false,
      logLevel: 'silent',
      plugins: [assemblyScript()],
      build: {
        ssr: entry,
        outDir: workshop,
        target: 'node20',
        minify: false,
        rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
      },
    });
    await rename(join(workshop, 'main.mjs'), bundle);
    for (const old of readdirSync(builds)) {
      const ours = old.startsWith(`${program}-`) && old.endsWith('.mjs');
      if (ours && join(builds, old) !== bundle) await rm(join(builds, old), { force: true });
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/**
 * Imports `tools/<program>/main.ts`, built where there is no build of these very sources.
 *
 * @param {string} program
 * @param {readonly string[]} [alsoFrom] folders of other programs that it imports from
 * @returns {Promise<unknown>} the module
 */
export async function importBuilt(program, alsoFrom = []) {
  const folders = [...new Set(['gpu', 'worker', 'tools/headless', `tools/${program}`, ...alsoFrom])];
  const bundle = join(builds, `${program}-${nameOfSources(folders)}.mjs`);
  if (!existsSync(bundle)) await build(join(root, 'tools', program, 'main.ts'), bundle, program);
  return import(pathToFileURL(bundle).href);
}
