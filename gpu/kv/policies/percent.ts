import type { Policy } from './policy.ts';

/** `⌊whole · percent / 100⌋`, at least 1. Multiplied before it is divided, in float64, so that all floors agree. */
export const percentOf = (whole: number, percent: number): number =>
  Math.max(1, Math.floor((whole * percent) / 100));

/** The rows of a budget that is a percentage of the text. */
export const rowsByPercent = (cachePercent: number, textTokens: number): number =>
  percentOf(textTokens, cachePercent);

/** Recent rows and heavy hitters: as given, and what is not given as percentages of the text. */
export function recentAndHeavy(
  { recent, heavy, cachePercent, recentPercent }: Policy,
  textTokens: number,
): { readonly recent: number; readonly heavy: number } {
  const rows = rowsByPercent(cachePercent ?? 0, textTokens);
  const newest = Math.min(rows, percentOf(rows, recentPercent));
  return { recent: recent ?? newest, heavy: heavy ?? rows - newest };
}
