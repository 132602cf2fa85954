// A thread that takes a part, and never finishes it.
import { parentPort } from 'node:worker_threads';
import type { HelperStart } from '../../gpu/wasm/threads/help.ts';
import { Job } from '../../gpu/wasm/threads/job.ts';

parentPort?.once('message', ({ memory, job: address }: HelperStart) => {
  const job = new Job(memory, address);
  parentPort?.postMessage('ready');
  do job.waitForParts();
  while (job.take() === null);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
