import { expose } from 'comlink';
import { EventPort } from '../event-port.ts';
import { onStorageLoss } from '../storage/connection.ts';
import { roomLeft } from '../storage/room.ts';
import { Library } from './library.ts';
import type { HubApi, HubEvent, OnHubEvent } from '../protocol/hub.ts';

/** Releases the page's callback when the call has ended. */
async function telling<T>(onEvent: OnHubEvent, work: (emit: OnHubEvent) => Promise<T>): Promise<T> {
  const port = new EventPort<HubEvent>(onEvent);
  try {
    return await work(port.emit);
  } finally {
    await port.close();
  }
}

/** Answers the calls of the page from this worker: downloads from the Hub, and the stored models. */
export function serveHub(): void {
  const library = new Library({ locks: navigator.locks, room: roomLeft });
  onStorageLoss(() => {
    library.loseStorage();
  });
  const api: HubApi = {
    look: (model) => library.look(model),
    download: (model, onEvent) => telling(onEvent, (emit) => library.download(model, emit)),
    check: (model, onEvent) => telling(onEvent, (emit) => library.check(model, emit)),
    renew: (model, onEvent) => telling(onEvent, (emit) => library.renew(model, emit)),
    newer: (model) => library.newer(model),
    pause: () => {
      library.pause();
    },
    resume: () => {
      library.resume();
    },
    cancel: () => {
      library.cancel();
    },
    stored: () => library.stored(),
    unreadable: () => library.unreadable(),
    removeUnreadable: () => library.removeUnreadable(),
    remove: (key) => library.remove(key),
  };

  expose(api);
}
