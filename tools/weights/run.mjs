// `npm run --silent bench:weights -- --text FILE` measures what weights of 8 and 4 bits cost in quality, and gain in speed.
import { resolve } from 'node:path';
import { whereMeasured } from '../bench/machine.mjs';
import { importBuilt } from '../setup/build-for-node.mjs';
import { readOptions } from '../setup/read-options.mjs';
import { surroundings } from '../setup/surroundings.mjs';

const usage = `npm run --silent bench:weights -- --text FILE [options]
  --text FILE      held-out text, plain or gzipped
  --model ID       a shipped model (the one that the page opens with)
  --backend B      webgpu (the default) or cpu
  --windows N      how many windows of the text to score, at least 2 (40)
  --new N          new tokens of a measurement of speed (128)
  --rounds N       measurements of each format, by turns (3)
A table goes to standard error, JSON to standard output.`;

const values = readOptions(
  {
    text: { type: 'string' },
    model: { type: 'string' },
    backend: { type: 'string', default: 'webgpu' },
    windows: { type: 'string', default: '40' },
    new: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
  },
  usage,
);
const { text, model, backend } = values;
const [windows, newTokens, rounds] = [values.windows, values.new, values.rounds].map(Number);
const wrong =
  text === undefined ||
  (backend !== 'webgpu' && backend !== 'cpu') ||
  ![windows, newTokens, rounds].every((count) => Number.isInteger(count) && Number(count) > 0) ||
  Number(windows) < 2;
if (wrong || windows === undefined || newTokens === undefined || rounds === undefined) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('weights', ['tools/evaluate']));
// npm runs scripts in the repository's folder, and passes on the folder that the user called it in.
const startFolder = process.env['INIT_CWD'] ?? process.cwd();
const { comparison, table } = await main(
  { model: model ?? null, text: resolve(startFolder, text), backend, windows, newTokens, rounds },
  surroundings,
);
process.stderr.write(`\n${table}\n`);
// Dawn would keep the process alive.
process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...comparison }, null, 2)}\n`, () =>
  process.exit(0),
);
