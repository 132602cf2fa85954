import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { parentPort } from 'node:worker_threads';
import { ModelText } from '../../worker/text/model-text.ts';

// A thread of its own can be ended from outside, whatever it is doing: see place-in-thread.ts.
if (parentPort) expose(new ModelText(), nodeEndpoint(parentPort));
