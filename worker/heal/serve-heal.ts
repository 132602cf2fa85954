import { expose } from 'comlink';
import { openSource } from '../hub/any-source.ts';
import { yieldNowAndThen } from '../../gpu/cpu/yield-now-and-then.ts';
import { telling } from '../event-port.ts';
import type { HealApi } from '../protocol/heal.ts';
import { roomLeft } from '../storage/room.ts';
import { openTextPlace } from '../text/open-text-place.ts';
import { checkpointsOnDevice } from './checkpoints.ts';
import { HealDesk } from './heal-desk.ts';

/** Answers the calls of the page from this worker, which heals plans. */
export function serveHeal(): void {
  const desk = new HealDesk({
    openSource,
    openTextPlace,
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
