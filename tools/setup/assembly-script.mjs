// Compiles the kernels of the CPU backend: `import code from './kernels/all.ts?assembly'` gives two variants in base64.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = join(root, 'node_modules', '.cache', 'kvtab-assembly');
const { version } = /** @type {{ version: string }} */ (
  createRequire(import.meta.url)('assemblyscript/package.json')
);

/**
 * The part of the compiler's interface that is used here. Its own types are not imported, because they change those of
 * every array.
 *
 * @typedef {object} Compiler
 * @property {(
 *   options: readonly string[],
 *   files: {
 *     readFile(name: string): string | null,
 *     writeFile(name: string, contents: string | Uint8Array): void,
 *     listFiles(): string[],
 *   },
 * ) => Promise<{ error: Error | null, stderr: { toString(): string } }>} main
 */

/** By the instructions that an engine has. Warning 112 is about values that pass only between these files. */
const variants = { simd: ['simd'], relaxedSimd: ['simd', 'relaxed-simd'] };
/** The maximum is all that addresses reach: memory that threads share must have one. */
const options = [
  ...'-O3 --noAssert --runtime stub --importMemory --noExportMemory --disableWarning 112'.split(' '),
  ...['--maximumMemory', '65536'],
];

/**
 * @param {string} folder
 * @param {string} entry
 * @param {readonly string[]} features
 */
async function compile(folder, entry, features) {
  const { default: asc } = /** @type {{ default: Compiler }} */ (
    await import(/** @type {string} */ ('assemblyscript/asc'))
  );
  const binaries = /** @type {Uint8Array[]} */ ([]);
  const enabled = features.flatMap((feature) => ['--enable', feature]);
  const { error, stderr } = await asc.main([entry, ...options, ...enabled, '--outFile', 'kernels.wasm'], {
    readFile: (name) => {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : null;
    },
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binaries.push(contents);
    },
    listFiles: () => [],
  });
  const complaints = stderr.toString();
  const [binary] = binaries;
  if (error || complaints !== '' || !binary) {
    throw new Error(`${join(folder, entry)} does not compile:\n${complaints || String(error)}`);
  }
  return Buffer.from(binary).toString('base64');
}

/**
 * The source of the JavaScript module that an import of AssemblyScript resolves to. Cached by a hash of the sources,
 * because the compiler takes a second or two.
 *
 * @param {string} file
 * @returns {Promise<string>}
 */
async function moduleOf(file) {
  const folder = dirname(file);
  const hash = createHash('sha256').update(`${version} ${readFileSync(import.meta.filename, 'utf8')}`);
  hash.update(`${basename(file)}\0`); // a folder may have several entries
  for (const source of sourcesIn(folder)) hash.update(`${basename(source)}\0`).update(readFileSync(source));
  const kept = join(cache, `${hash.digest('hex').slice(0, 16)}.js`);
  if (!existsSync(kept)) {
    const codes = [];
    for (const [name, features] of Object.entries(variants)) {
      codes.push(`  ${name}: '${await compile(folder, basename(file), features)}',`);
    }
    await mkdir(cache, { recursive: true });
    // Written beside its place and then moved, because several builds may run at once.
    await writeFile(`${kept}.${process.pid}`, `export default {\n${codes.join('\n')}\n};\n`);
    await rename(`${kept}.${process.pid}`, kept);
  }
  return readFileSync(kept, 'utf8');
}

/** @param {string} folder */
const sourcesIn = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(folder, name));

/** @returns {import('vite').Plugin} */
export function assemblyScript() {
  const query = '.ts?assembly';
  return {
    name: 'kvtab:assembly-script',
    enforce: 'pre',
    async load(id) {
      if (!id.endsWith(query)) return null;
      const file = id.slice(0, -'?assembly'.length);
      for (const source of sourcesIn(dirname(file))) this.addWatchFile(source);
      return { code: await moduleOf(file), map: null };
    },
  };
}
