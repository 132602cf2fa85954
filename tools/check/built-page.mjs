// Checks of the built page: the size of what it loads first, and the entries of its workers.
import { basename, resolve } from 'node:path';
import { build } from 'vite';
import { readModule } from './built-modules.mjs';
import { gzippedBytes, initialScripts } from './page-size.mjs';
import { checkWorkerEntries } from './worker-entries.mjs';

const limitBytes = 90_000;

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
    // What lies in peer/ is not built here, but served as it came.
    .filter(({ fileName }) => fileName.endsWith('.js') && !fileName.startsWith('peer/'))
    .map((file) => [basename(file.fileName), file.type === 'chunk' ? file.code : String(file.source)]),
);
const modules = new Map([...sources].map(([file, source]) => [file, readModule(file, source)]));

const pageEntries = built.output.flatMap((file) =>
  file.type === 'chunk' && file.isEntry ? [basename(file.fileName)] : [],
);
const initial = initialScripts(pageEntries, modules);
const bytes = gzippedBytes(initial.map((file) => sources.get(file) ?? ''));
const kilo = (/** @type {number} */ count) => `${(count / 1000).toFixed(1)} kB`;
console.log(`initial JavaScript ${kilo(bytes)} gzipped of ${kilo(limitBytes)}: ${initial.join(', ')}`);

const { entries, faults } = checkWorkerEntries(modules);
console.log(`worker entries: ${entries.join(', ')}`);
for (const fault of faults) console.log(`WebKit would evaluate a worker twice: ${fault}`);

if (pageEntries.length === 0 || entries.length === 0) throw new Error('the page has no script, or no worker');
if (bytes > limitBytes || faults.length > 0) process.exitCode = 1;
