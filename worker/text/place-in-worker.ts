import { wrap } from 'comlink';
import { WORKER_MISSING } from '../unexpected-failure.ts';
import type { TextPlace } from './guarded-text.ts';
import type { TextApi } from './text-api.ts';

/** A worker of its own: what runs in it can always be ended. */
export function placeInWorker(worker: Worker): TextPlace {
  const broken = new Promise<never>((_, reject) => {
    worker.addEventListener('error', (event) => {
      reject(new Error(event.message || WORKER_MISSING));
    });
  });
  broken.catch(() => undefined); // each call that races it reports it
  return { api: wrap<TextApi>(worker), broken, end: () => worker.terminate() };
}
