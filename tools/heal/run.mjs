// `npm run heal -- …` trains a model under another plan until its text is good again.
import { importBuilt } from '../setup/build-for-node.mjs';
import { engineCommit } from '../setup/engine-commit.mjs';
import { surroundings } from '../setup/surroundings.mjs';
import { readOptions, usage } from './options.mjs';

const order = readOptions(process.argv.slice(2));
if (order.kind === 'wrong') {
  process.stderr.write(`heal: ${order.reason}\n\n${usage}\n`);
  process.exit(2);
}
const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('heal', ['tools/lab']));
// Threads for tokenizers would keep the process alive.
process.exit(await main(order, { ...surroundings, commit: engineCommit() }));
