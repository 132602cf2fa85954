import { keepModels, keptOf } from '../loader/keep-shipped.ts';
import { attemptAsync } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { KeepApi, KeptFiles, OnKeepEvent, ShippedFiles } from '../protocol/keep.ts';
import { throttle } from '../run-clock.ts';

const PROGRESS_INTERVAL_MS = 100;

/** Keeps the page's own models on this device, one call at a time. */
export class ShippedKeeper implements KeepApi {
  readonly #pageUrl: string;
  readonly #room: () => Promise<number | null>;
  #stop = new AbortController();

  /**
   * @param pageUrl absolute address of the page's folder, ending in `/`
   * @param room    how much more the browser will keep; null if it does not say
   */
  constructor(pageUrl: string, room: () => Promise<number | null>) {
    this.#pageUrl = pageUrl;
    this.#room = room;
  }

  kept(models: readonly ShippedFiles[]): Promise<Outcome<readonly KeptFiles[]>> {
    return attemptAsync(() => keptOf(this.#pageUrl, models));
  }

  keep(models: readonly ShippedFiles[], onEvent: OnKeepEvent): Promise<Outcome<void>> {
    this.#stop.abort();
    const { signal } = (this.#stop = new AbortController());
    let fetchedBytes = 0;
    const report = throttle(PROGRESS_INTERVAL_MS, () => {
      onEvent({ fetchedBytes });
    });
    const onBytes = (bytes: number) => {
      fetchedBytes += bytes;
      report();
    };
    const { pageUrl, room } = { pageUrl: this.#pageUrl, room: this.#room };
    return attemptAsync(() => keepModels(models, { pageUrl, signal, onBytes, room }));
  }

  stopKeeping(): void {
    this.#stop.abort();
  }
}
