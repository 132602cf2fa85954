// Runs the headless runner, and builds it first unless these exact sources have been built.
import { importBuilt } from '../setup/build-for-node.mjs';
import { surroundings } from '../setup/surroundings.mjs';

const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('headless'));
const status = await main(surroundings);
// Dawn would keep the process alive.
process.exit(status);
