/** @typedef {{ readonly median: number, readonly min: number, readonly max: number }} Spread */

/** The middle of some values, or the mean of the two in the middle; 0 if there are none. @param {readonly number[]} values */
export function medianOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}

/** The median and the range of some values. @param {readonly number[]} values @returns {Spread} */
export const spread = (values) =>
  values.length === 0
    ? { median: 0, min: 0, max: 0 }
    : { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
