// `npm run --silent bench:policies` measures decoding under cache policies beside caches that keep everything.
import { whereMeasured } from '../bench/machine.mjs';
import { importBuilt, root } from '../setup/build-for-node.mjs';
import { backendOf, readOptionsAs } from '../setup/read-options.mjs';
import { wholeNumber } from '../setup/whole-number.mjs';

const usage = `npm run --silent bench:policies -- [options]
  --model ID       a shipped model (fairy-lckv)
  --backend B      webgpu (the default) or cpu
  --rows N         rows that each policy keeps, at least 8 (256)
  --long N         tokens of a text that is kept whole, for comparison (4096)
  --new N          new tokens of a measurement, at least 2 (128)
  --rounds N       measurements of each, by turns (11)
JSON goes to standard output.`;

/** Longer texts than this take hours to read on a processor. */
const MOST_TOKENS = 65_536;

const asked = readOptionsAs(
  {
    model: { type: 'string', default: 'fairy-lckv' },
    backend: { type: 'string', default: 'webgpu' },
    rows: { type: 'string', default: '256' },
    long: { type: 'string', default: '4096' },
    new: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '11' },
  },
  usage,
  ({ model, ...values }) => ({
    model,
    backend: backendOf(values.backend),
    rows: wholeNumber('rows', values.rows, { min: 8, max: MOST_TOKENS }),
    long: wholeNumber('long', values.long, { max: MOST_TOKENS }),
    newTokens: wholeNumber('new', values.new, { min: 2, max: MOST_TOKENS }),
    rounds: wholeNumber('rounds', values.rounds),
  }),
);
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('policies'));
const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
const report = await main(asked, root, () => Promise.resolve(findSoftwareVulkan()));
process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...report }, null, 2)}\n`, () =>
  process.exit(0),
);
