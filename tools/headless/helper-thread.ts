import { parentPort } from 'node:worker_threads';
import { help, type HelperStart } from '../../gpu/wasm/threads/help.ts';

// A thread that helps the CPU backend: see threads-in-node.ts.
parentPort?.once('message', (start: HelperStart) => {
  help(start, () => parentPort?.postMessage('ready'));
});
