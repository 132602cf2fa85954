import { expose } from 'comlink';
import { yieldNowAndThen } from '../../gpu/cpu/yield-now-and-then.ts';
import { EventPort } from '../event-port.ts';
import { openHubSource } from '../hub/hub-source.ts';
import { openFilesSource } from '../loader/files-source.ts';
import { openPageSource } from '../loader/page-source.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { valueOf } from '../outcome.ts';
import type { HealApi, HealEvent, OnHealEvent } from '../protocol/heal.ts';
import type { ModelRef } from '../protocol/load.ts';
import { roomLeft } from '../storage/room.ts';
import { placeInWorker } from '../text/place-in-worker.ts';
import { checkpointsOnDevice } from './checkpoints.ts';
import { HealDesk } from './heal-desk.ts';
import { pageUrl } from '../page-url.ts';

/** Releases the page's callback when the call has ended. */
async function telling<T>(onEvent: OnHealEvent, work: (emit: OnHealEvent) => Promise<T>): Promise<T> {
  const port = new EventPort<HealEvent>(onEvent);
  try {
    return await work(port.emit);
  } finally {
    await port.close();
  }
}

/** A model that ships, files that were opened, or a repository, which is read from this device if it is stored. */
async function openSource(model: ModelRef): Promise<ModelSource> {
  if (typeof model === 'string') return valueOf(openPageSource(pageUrl().href, model));
  if (model.from === 'files') return openFilesSource(model.files);
  return openHubSource(model, new AbortController().signal);
}

/** Answers the calls of the page from this worker, which heals plans. */
export function serveHeal(): void {
  const desk = new HealDesk({
    openSource,
    openTextPlace: () =>
      placeInWorker(new Worker(new URL('../text/main.ts', import.meta.url), { type: 'module' })),
    checkpoints: checkpointsOnDevice(),
    // Absent if the page is not served securely.
    locks: navigator.locks,
    room: roomLeft,
    breathe: yieldNowAndThen,
    now: () => performance.now(),
  });
  const api: HealApi = {
    heal: (request, onEvent) => telling(onEvent, (emit) => desk.heal(request, emit)),
    kept: () => desk.kept(),
    continue: (onEvent) => telling(onEvent, (emit) => desk.continue(emit)),
    pause: () => {
      desk.pause();
    },
    resume: () => {
      desk.resume();
    },
    stop: () => {
      desk.stop();
    },
    store: (engine) => desk.store(engine),
    drop: () => desk.drop(),
  };
  expose(api);
}
