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
 * @returns {string[]} the files that the build depends on, sorted
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
 * A name made of the sources' contents: unlike their times, it survives copies and checkouts.
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
 * Builds `tools/<program>/main.ts` as `main.mjs`, with all the chunks that it imports, and beside it the threads for
 * tokenizers and templates, and for helpers of the CPU backend. The folder is built under another name and moved at the end, so that a run that starts
 * meanwhile never sees half of it.
 *
 * @param {string} program
 * @param {string} folder
 */
async function build(program, folder) {
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
        ssr: true,
        outDir: workshop,
        target: 'node20',
        minify: false,
        rolldownOptions: {
          input: {
            main: join(root, 'tools', program, 'main.ts'),
            'text-thread': join(root, 'tools', 'headless', 'text-thread.ts'),
            'helper-thread': join(root, 'tools', 'headless', 'helper-thread.ts'),
          },
          // All in one folder: main.ts looks for threads beside itself, in whatever chunk it ends up.
          output: { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
        },
      },
    });
    await rename(workshop, folder).catch((/** @type {unknown} */ error) => {
      // Another run may have built the same sources first.
      if (!existsSync(join(folder, 'main.mjs'))) throw error;
    });
    for (const old of readdirSync(builds)) {
      const isOld =
        new RegExp(`^${program}-[0-9a-f]{16}(\\.mjs)?$`).test(old) && join(builds, old) !== folder;
      if (isOld) await rm(join(builds, old), { recursive: true, force: true });
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/**
 * The folder of a built `tools/<program>/main.ts`, which is built if there is no build of these sources yet.
 *
 * @param {string} program
 * @param {readonly string[]} [alsoFrom] folders of other programs that it imports from
 */
export async function builtFolder(program, alsoFrom = []) {
  const folders = [...new Set(['gpu', 'worker', 'tools/headless', `tools/${program}`, ...alsoFrom])];
  const folder = join(builds, `${program}-${nameOfSources(folders)}`);
  if (!existsSync(folder)) await build(program, folder);
  return folder;
}

/**
 * Imports a built program, see {@link builtFolder}.
 *
 * @param {string} program
 * @param {readonly string[]} [alsoFrom]
 * @returns {Promise<unknown>} the module
 */
export async function importBuilt(program, alsoFrom = []) {
  return import(pathToFileURL(join(await builtFolder(program, alsoFrom), 'main.mjs')).href);
}
