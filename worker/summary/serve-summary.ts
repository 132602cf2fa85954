import { expose } from 'comlink';
import { readExperiment } from '../laboratory/experiment.ts';
import { summarize } from '../laboratory/summary.ts';
import type { SummaryApi } from './protocol.ts';

/** Answers the laboratory's panel. */
export function serveSummary(): void {
  const api: SummaryApi = {
    summarize: (json, records, sources) => summarize(readExperiment(json), records, sources),
  };
  expose(api);
}
