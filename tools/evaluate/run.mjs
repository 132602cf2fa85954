// `npm run evaluate -- --corpus CORPUS fairy-lckv …` measures models that ship, and writes their cards.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importBuilt } from '../setup/build-for-node.mjs';
import { surroundings } from '../setup/surroundings.mjs';

const usage = `npm run evaluate -- [--corpus CORPUS MODEL…] [--backend webgpu|cpu] [--windows N] [--policies]
  --corpus CORPUS  the folder of valid.txt.gz: measures the models that you name, which takes minutes each
                   without it, only writes the cards again
  --backend B      webgpu (the default) or cpu
  --windows N      how many windows of the held-out text to read (200; 24 for policies)
  --policies       measures cache policies, alone and with LESS, instead of the models`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    corpus: { type: 'string' },
    backend: { type: 'string', default: 'webgpu' },
    windows: { type: 'string' },
    policies: { type: 'boolean', default: false },
  },
});
const { corpus, backend, policies } = values;
const windows = Number(values.windows ?? (policies ? 24 : 200));
if (
  !(Number.isInteger(windows) && windows > 1) ||
  (backend !== 'webgpu' && backend !== 'cpu') ||
  (corpus === undefined) !== (positionals.length === 0)
) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('evaluate'));
await main(
  { models: positionals, corpus: corpus === undefined ? null : resolve(corpus), backend, windows, policies },
  surroundings,
);
// Dawn would keep the process alive.
process.exit(0);
