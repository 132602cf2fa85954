import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { Worker } from 'node:worker_threads';
import { Refused } from '../../worker/outcome.ts';
import type { TextPlace } from '../../worker/text/guarded-text.ts';
import type { TextApi } from '../../worker/text/text-api.ts';

/** Enough for the largest tokenizers, which take some 500 MB while they are read. */
const MEMORY_MB = 2048;

/**
 * A thread of its own for a model's tokenizer and template. Both are programs of strangers: the thread can always be
 * ended, and has its own limit of memory.
 *
 * @param script the built `text-thread.ts`
 */
export function placeInThread(script: URL): TextPlace {
  const thread = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } });
  // Whoever waits for an answer keeps the process alive with a timer (guarded-text.ts).
  thread.unref();
  const broken = new Promise<never>((_, reject) => {
    thread.on('error', (error: Error & { readonly code?: string }) => {
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const reason = `it needs more than ${MEMORY_MB} MB of memory`;
      reject(outOfMemory ? new Refused({ code: 'bad-tokenizer', reason }) : error);
    });
  });
  broken.catch(() => undefined); // Each call that races it reports it.
  return { api: wrap<TextApi>(nodeEndpoint(thread)), broken, end: () => void thread.terminate() };
}
