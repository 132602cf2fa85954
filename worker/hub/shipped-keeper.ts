import { keepModels, keptOf } from '../loader/keep-shipped.ts';
import { attemptAsync } from '../outcome.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { KeepApi, KeptFiles, OnKeepEvent, ShippedFiles } from '../protocol/keep.ts';
import { ProgressReports } from '../progress-reports.ts';

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
    const progress = new ProgressReports(onEvent);
    const onBytes = (bytes: number) => {
      fetchedBytes += bytes;
      progress.tell({ fetchedBytes });
    };
    const { pageUrl, room } = { pageUrl: this.#pageUrl, room: this.#room };
    const keeping = attemptAsync(() => keepModels(models, { pageUrl, signal, onBytes, room }));
    return keeping.finally(() => {
      progress.end();
    });
  }

  stopKeeping(): void {
    this.#stop.abort();
  }
}
