// `npm run --silent bench:policies` measures decoding under cache policies beside caches that keep everything.
import { whereMeasured } from '../bench/machine.mjs';
import { importBuilt, root } from '../setup/build-for-node.mjs';
import { readOptions } from '../setup/read-options.mjs';

const usage = `npm run --silent bench:policies -- [options]
  --model ID       a shipped model (fairy-lckv)
  --backend B      webgpu (the default) or cpu
  --rows N         rows that each policy keeps, at least 8 (256)
  --long N         tokens of a text that is kept whole, for comparison (4096)
  --new N          new tokens of a measurement (128)
  --rounds N       measurements of each, by turns (11)
JSON goes to standard output.`;

const values = readOptions(
  {
    model: { type: 'string', default: 'fairy-lckv' },
    backend: { type: 'string', default: 'webgpu' },
    rows: { type: 'string', default: '256' },
    long: { type: 'string', default: '4096' },
    new: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '11' },
  },
  usage,
);
const { model, backend } = values;
const [rows = 0, long = 0, newTokens = 0, rounds = 0] = [
  values.rows,
  values.long,
  values.new,
  values.rounds,
].map(Number);
const whole = [rows, long, newTokens, rounds].every((count) => Number.isInteger(count) && count > 0);
if (!whole || rows < 8 || newTokens < 2 || (backend !== 'webgpu' && backend !== 'cpu')) {
  process.stderr.write(`${usage}\n`);
  process.exit(2);
}
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('policies'));
const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
const report = await main({ model, backend, rows, long, newTokens, rounds }, root, () =>
  Promise.resolve(findSoftwareVulkan()),
);
process.stdout.write(`${JSON.stringify({ ...whereMeasured(), ...report }, null, 2)}\n`, () =>
  process.exit(0),
);
