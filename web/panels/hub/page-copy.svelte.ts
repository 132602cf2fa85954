/** Whether a service worker answers for the page: only then does anything open without a network. */
export class PageCopy {
  #here = $state.raw(Boolean(workerOf()?.controller));

  /** @returns what ends watching */
  watch(): () => void {
    const workers = workerOf();
    const look = () => {
      this.#here = Boolean(workers?.controller);
    };
    look();
    workers?.addEventListener('controllerchange', look);
    return () => workers?.removeEventListener('controllerchange', look);
  }

  get here(): boolean {
    return this.#here;
  }
}

/** Absent in pages that are not in a secure context, and in some private windows. */
const workerOf = () => (navigator as { readonly serviceWorker?: ServiceWorkerContainer }).serviceWorker;
