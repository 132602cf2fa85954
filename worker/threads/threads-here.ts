import { Threads, type StartHelper } from '../../gpu/wasm/threads/threads.ts';

/** More find no work in models of this size, and memory is no faster for them. */
const MOST_THREADS = 8;

/** The threads that this worker may use for the processor's backend. */
export function threadsHere(): Threads {
  // Browsers share memory only in pages that no other site shares a process with.
  if (!crossOriginIsolated) {
    return new Threads(1, null, { why: 'this page is not isolated' });
  }
  return new Threads(Math.min(MOST_THREADS, navigator.hardwareConcurrency), startHelper);
}

const startHelper: StartHelper = (start) => {
  const worker = new Worker(new URL('./main.ts', import.meta.url), { type: 'module' });
  const ready = new Promise((resolve) => {
    worker.addEventListener('message', resolve, { once: true });
  });
  const ended = new Promise<string>((resolve) => {
    worker.addEventListener('error', (event) => {
      event.preventDefault(); // or this worker, and then the page, would count as broken too
      resolve(event.message || 'its script did not start');
    });
    worker.addEventListener('messageerror', () => resolve('it did not get the memory'));
  });
  worker.postMessage(start);
  return { ready, ended, end: () => worker.terminate() };
};
