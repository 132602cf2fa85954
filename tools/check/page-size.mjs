// The page's initial JavaScript: what a visitor downloads before anything works, worker included, gzipped.
import { gzipSync } from 'node:zlib';
import { resolve } from 'node:path';
import { build } from 'vite';

const limitBytes = 120_000;

const root = resolve(import.meta.dirname, '../..');
const built = await build({
  configFile: resolve(root, 'vite.config.ts'),
  root: resolve(root, 'web'),
  logLevel: 'error',
  build: { write: false },
});
if (!('output' in built)) throw new Error('one build was expected');

const sources = new Map(
  built.output
    .filter((file) => file.fileName.endsWith('.js'))
    .map((file) => [file.fileName, file.type === 'chunk' ? file.code : String(file.source)]),
);

/** The files that a file loads as soon as it runs: static imports, and the worker that it starts. */
const loadedBy = (/** @type {string} */ code) =>
  [...code.matchAll(/(?:\bfrom|\bimport)\s*["'`]([^"'`]+\.js)|new URL\([^)]*?["'`]([^"'`]+\.js)["'`]/g)].map(
    ([, imported, started]) => (imported ?? started ?? '').split('/').at(-1) ?? '',
  );

const nameOf = new Map([...sources.keys()].map((file) => [file.split('/').at(-1) ?? file, file]));
const initial = new Set(
  built.output.filter((file) => file.type === 'chunk' && file.isEntry).map((file) => file.fileName),
);
for (const file of initial) {
  for (const loaded of loadedBy(sources.get(file) ?? '')) {
    const name = nameOf.get(loaded);
    if (name !== undefined) initial.add(name);
  }
}
if (initial.size === 0) throw new Error('the page has no script');

const bytes = [...initial].reduce((sum, file) => sum + gzipSync(sources.get(file) ?? '').length, 0);
const kilo = (/** @type {number} */ count) => `${(count / 1000).toFixed(1)} kB`;
console.log(`initial JavaScript ${kilo(bytes)} gzipped of ${kilo(limitBytes)}: ${[...initial].join(', ')}`);
if (bytes > limitBytes) process.exitCode = 1;
