/** Several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** @returns null if nothing was measured; a measurement of 0 or less is none */
export function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const count = sorted.length;
  const [least, most] = [sorted[0], sorted[count - 1]];
  if (least === undefined || most === undefined) return null;
  const [low, high] = [sorted[(count - 1) >> 1] ?? least, sorted[count >> 1] ?? most];
  return { median: (low + high) / 2, least, most, count };
}

/**
 * Whether the difference between two spreads is within their noise: the range of one reaches into the range of the
 * other. A single measurement has no known noise, so nothing can be said of it.
 */
export const alike = (a: Spread, b: Spread): boolean | null =>
  a.count < 2 || b.count < 2 ? null : a.least <= b.most && b.least <= a.most;

/** `75–90`, or only one of them if they read the same. */
export function formatRange({ least, most }: Spread, format: (value: number) => string): string {
  const [from, to] = [format(least), format(most)];
  return from === to ? from : `${from}–${to}`;
}
