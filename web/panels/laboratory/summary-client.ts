import { wrap, type Remote } from 'comlink';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import type { Summary } from '../../../worker/laboratory/summary.ts';
import type { SummaryApi } from '../../../worker/summary/protocol.ts';

export type Summarize = (
  json: Readonly<Record<string, unknown>>,
  records: readonly ItemRecord[],
  sources: ReadonlyMap<string, string>,
) => Promise<Summary>;

/** Makes summaries in a worker, which starts with the first one. */
export function summarizeInWorker(): Summarize {
  let remote: Remote<SummaryApi> | null = null;
  return async (json, records, sources) => {
    remote ??= wrap<SummaryApi>(
      new Worker(new URL('../../../worker/summary/main.ts', import.meta.url), { type: 'module' }),
    );
    return remote.summarize(json, records, sources);
  };
}
