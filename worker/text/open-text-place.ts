import { placeInWorker } from './place-in-worker.ts';

/** Starts a worker of its own for a model's text. */
export const openTextPlace = () =>
  placeInWorker(new Worker(new URL('./main.ts', import.meta.url), { type: 'module' }));
