import { fillColumns, type Columns, type Filled } from './columns.ts';
import { sameRanges, type HeldHead } from './held-cache.ts';

/** The stripes of a store's row: one if its KV heads hold the same, or if so many would be too thin to see. */
export function stripesOf(
  heads: readonly HeldHead[],
  columns: Columns,
  textTokens: number,
  mostStripes: number,
): readonly Filled[] {
  const [first] = heads;
  if (!first) return [];
  const alike = heads.every(({ ranges }) => sameRanges(ranges, first.ranges));
  if (alike || heads.length > mostStripes) return [fillColumns(heads, columns, textTokens)];
  return heads.map((head) => fillColumns([head], columns, textTokens));
}
