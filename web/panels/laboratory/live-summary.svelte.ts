import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import type { Summary } from '../../../worker/laboratory/summary.ts';
import type { Summarize } from './summary-client.ts';

export interface Summarized {
  readonly json: Readonly<Record<string, unknown>>;
  readonly records: readonly ItemRecord[];
  /** The texts of its measures. */
  readonly sources: ReadonlyMap<string, string>;
  /** Whether more records are coming. */
  readonly grows: boolean;
}

const MOST_REST_MS = 5000;
const LOOK_EVERY_MS = 100;

/** The table of an experiment, which is made again as records come in. */
export class LiveSummary {
  /** Null before the first one is made. */
  value = $state.raw<Summary | null>(null);
  readonly #summarize: Summarize;
  readonly #source: () => Summarized | null;
  readonly #onError: (error: unknown) => void;
  #making = false;
  #isOld = false;
  /** Changes if there is another experiment. */
  #of = 0;

  /** @param source what there is to summarize; null for nothing */
  constructor(summarize: Summarize, source: () => Summarized | null, onError: (error: unknown) => void) {
    this.#summarize = summarize;
    this.#source = source;
    this.#onError = onError;
  }

  clear(): void {
    this.#of++;
    this.value = null;
  }

  /** Makes a new one; if one is being made, the next one after it. */
  refresh(): void {
    this.#isOld = true;
    if (!this.#making) void this.#make();
  }

  async #make(): Promise<void> {
    this.#making = true;
    try {
      while (this.#isOld) {
        this.#isOld = false;
        const source = this.#source();
        if (!source) continue;
        const of = this.#of;
        const startMs = performance.now();
        const summary = await this.#summarize(source.json, source.records, source.sources);
        if (this.#of === of) this.value = summary;
        await this.#rest(Math.min(MOST_REST_MS, 4 * (performance.now() - startMs)));
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#making = false;
    }
  }

  /** A large table must not be made again after every cell. The last one waits for nothing. */
  async #rest(ms: number): Promise<void> {
    for (let restedMs = 0; restedMs < ms && this.#source()?.grows; restedMs += LOOK_EVERY_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
