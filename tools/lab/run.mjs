// `npm run lab -- …` runs experiments and task files of lm-evaluation-harness.
import { importBuilt } from '../setup/build-for-node.mjs';
import { engineCommit } from '../setup/engine-commit.mjs';
import { surroundings } from '../setup/surroundings.mjs';
import { readOptions, usage } from './options.mjs';

const order = readOptions(process.argv.slice(2));
if (order.kind === 'wrong') {
  process.stderr.write(`lab: ${order.reason}\n\n${usage}\n`);
  process.exit(2);
}
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('lab'));
const status = await main(order, { ...surroundings, commit: engineCommit() });
// Dawn would keep the process alive.
process.exit(status);
