import type { ItemRecord } from '../laboratory/records.ts';
import type { Summary } from '../laboratory/summary.ts';

/** Summaries draw thousands of times, so they are made in a worker of their own. */
export interface SummaryApi {
  /**
   * @param json    of an experiment that was read before
   * @param sources texts by their digests
   */
  summarize(
    json: Readonly<Record<string, unknown>>,
    records: readonly ItemRecord[],
    sources: ReadonlyMap<string, string>,
  ): Summary;
}
