// Builds the headless runner where there is no build of these very sources, and runs it. Vite is needed because
// kernels are imported as `.wgsl?raw`.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const builds = join(root, 'dist-headless');

/** @returns {string[]} what the build depends on: files, in an order of their own */
function sourceFiles() {
  const folders = ['gpu', 'worker', 'tools/headless'].map((folder) => join(root, folder));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return [...files, join(root, 'package-lock.json')].sort();
}

/** A name for what the sources say: unlike times, it survives copies, checkouts and clocks. */
function nameOfSources() {
  const hash = createHash('sha256');
  for (const file of sourceFiles()) hash.update(`${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Builds beside the place and moves the build there at once, so that two runs do not see half of each other's.
 *
 * @param {string} bundle
 */
async function build(bundle) {
  const { build: viteBuild } = await import('vite');
  const workshop = join(builds, `building-${process.pid}`);
  try {
    await viteBuild({
      root,
      configFile: false,
      publicDir: false,
      logLevel: 'silent',
      build: {
        ssr: join(here, 'main.ts'),
        outDir: workshop,
        target: 'node20',
        minify: false,
        rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
      },
    });
    await rename(join(workshop, 'main.mjs'), bundle);
    for (const old of readdirSync(builds)) {
      if (old.endsWith('.mjs') && old !== basename(bundle)) await rm(join(builds, old), { force: true });
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

const bundle = join(builds, `headless-${nameOfSources()}.mjs`);
if (!existsSync(bundle)) await build(bundle);

/** @type {typeof import('./main.ts')} */
const { main } = await import(pathToFileURL(bundle).href);
const status = await main({
  root,
  findSoftwareVulkan: async () => {
    const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
    return findSoftwareVulkan();
  },
});
// Dawn would keep the process alive.
process.exit(status);
