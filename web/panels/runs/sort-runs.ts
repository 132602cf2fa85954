import type { StoredRun } from '../../playground/stored-run.ts';

/** The columns that the table can be sorted by. */
export const sortable = [
  'endedAt',
  'layerTypes',
  'kvBytesPerToken',
  'kvBytes',
  'prefillTokensPerSec',
  'decodeTokensPerSec',
] as const satisfies readonly (keyof StoredRun)[];

export type SortKey = (typeof sortable)[number];

export interface Order {
  readonly by: SortKey;
  readonly ascending: boolean;
}

/** Pinned runs first, then in the given order. The sort is stable. */
export const sortRuns = (runs: readonly StoredRun[], { by, ascending }: Order): readonly StoredRun[] =>
  runs.toSorted((a, b) => {
    if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
    const [x, y] = [a[by], b[by]];
    const compared =
      typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en');
    return ascending ? compared : -compared;
  });
