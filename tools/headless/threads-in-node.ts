import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Threads, type StartHelper, type ThreadOptions } from '../../gpu/wasm/threads/threads.ts';

/** As many as a page takes. */
const MOST_THREADS = 8;

/**
 * Threads for the CPU backend in Node.
 *
 * @param count  the decoder's own included; null for one per core
 * @param script the built `helper-thread.ts`
 */
export function threadsInNode(
  count: number | null,
  script: URL = new URL('./helper-thread.mjs', import.meta.url),
  options: ThreadOptions = {},
): Threads {
  const startHelper: StartHelper = (start) => {
    const thread = new Worker(script);
    const ready = new Promise((resolve) => thread.once('message', resolve));
    const ended = new Promise<string>((resolve) => {
      thread.once('error', ({ message }) => resolve(message));
      thread.once('exit', () => resolve('it ended'));
    });
    thread.postMessage(start);
    // A team that was forgotten must not keep the process alive.
    thread.unref();
    return { ready, ended, end: () => void thread.terminate() };
  };
  return new Threads(count ?? Math.min(MOST_THREADS, availableParallelism()), startHelper, options);
}
