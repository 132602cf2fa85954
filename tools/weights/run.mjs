// `npm run --silent bench:weights -- --text FILE` measures what weights of 8 and 4 bits cost in quality, and gain in speed.
import { resolve } from 'node:path';
import { whereMeasured } from '../bench/machine.mjs';
import { importBuilt } from '../setup/build-for-node.mjs';
import { backendOf, readOptionsAs } from '../setup/read-options.mjs';
import { surroundings } from '../setup/surroundings.mjs';
import { wholeNumber } from '../setup/whole-number.mjs';

const usage = `npm run --silent bench:weights -- --text FILE [options]
  --text FILE      held-out text, plain or gzipped
  --model ID       a shipped model (the one that the page opens with)
  --backend B      webgpu (the default) or cpu
  --windows N      how many windows of the text to score, at least 2 (40)
  --new N          new tokens of a measurement of speed (128)
  --rounds N       measurements of each format, by turns (3)
A table goes to standard error, JSON to standard output.`;

const { model, text, ...asked } = readOptionsAs(
  {
    text: { type: 'string' },
    model: { type: 'string' },
    backend: { type: 'string', default: 'webgpu' },
    windows: { type: 'string', default: '40' },
    new: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
  },
  usage,
  (values) => {
    if (values.text === undefined) throw new Error('--text is missing: name a file with held-out text');
    return {
      text: values.text,
      model: values.model,
      backend: backendOf(values.backend),
      windows: wholeNumber('windows', values.windows, { min: 2 }),
      newTokens: wholeNumber('new', values.new),
      rounds: wholeNumber('rounds', values.rounds),
    };
  },
);
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('weights', ['tools/evaluate']));
// npm runs scripts in the repository's folder, and passes on the folder that the user called it in.
const startFolder = process.env['INIT_CWD'] ?? process.cwd();
const { comparison, table } = await main(
  { ...asked, model: model ?? null, text: resolve(startFolder, text) },
  surroundings,
);
process.stderr.write(`\n${table}\n`);
// Dawn would keep the process alive.
process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...comparison }, null, 2)}\n`, () =>
  process.exit(0),
);
