import { expose } from 'comlink';
import { Library } from './library.ts';

expose(
  new Library({
    locks: navigator.locks,
    room: async () => {
      const { quota, usage } = await navigator.storage.estimate();
      return quota === undefined || usage === undefined ? null : quota - usage;
    },
  }),
);
