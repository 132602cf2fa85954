import { expose } from 'comlink';
import { telling } from '../event-port.ts';
import { onStorageLoss } from '../storage/connection.ts';
import { roomLeft } from '../storage/room.ts';
import { Library } from './library.ts';
import { ShippedKeeper } from './shipped-keeper.ts';
import { pageUrl } from '../page-url.ts';
import type { HubApi } from '../protocol/hub.ts';
import type { KeepApi } from '../protocol/keep.ts';

/** Answers the calls of the page from this worker: downloads from the Hub, the stored models, and the page's own. */
export function serveHub(): void {
  const library = new Library({ locks: navigator.locks, room: roomLeft });
  onStorageLoss((loss) => {
    if (loss === 'deleted') library.loseStorage();
  });
  const keeper = new ShippedKeeper(pageUrl().href, roomLeft);
  const api: HubApi & KeepApi = {
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
    kept: (models) => keeper.kept(models),
    keep: (models, onEvent) => telling(onEvent, (emit) => keeper.keep(models, emit)),
    stopKeeping: () => {
      keeper.stopKeeping();
    },
  };

  expose(api);
}
