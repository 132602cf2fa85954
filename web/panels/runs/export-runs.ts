import { asCsv } from '../../../worker/csv.ts';
import { runFields, type StoredRun } from '../../playground/stored-run.ts';

/** All runs with all fields, for other programs. */
export const runsAsJson = (runs: readonly StoredRun[]): string => `${JSON.stringify(runs, null, 2)}\n`;

/** All runs with all fields, one line per run under a header. */
export function runsAsCsv(runs: readonly StoredRun[]): string {
  const fields = runFields();
  return asCsv([fields, ...runs.map((run) => fields.map((field) => run[field]))]);
}
