/** Whether a row of an experiment differs from the baseline: always item by item. */
import { threefry2x32 } from '../../../gpu/cpu/random.ts';
import { mean, standardError } from './moments.ts';

export interface Difference {
  /** This row minus the baseline. */
  readonly value: number;
  /** Null if there are too few items. */
  readonly standardError: number | null;
  /** Probability of such a difference if there were none; null if it cannot be told. */
  readonly p: number | null;
}

/** The mean of paired differences, and its normal test. */
export function meanDifference(row: readonly number[], baseline: readonly number[]): Difference {
  const differences = row.map((value, i) => value - (baseline[i] ?? NaN));
  const value = mean(differences);
  const error = standardError(differences);
  if (error === null) return { value, standardError: null, p: null };
  const p = error === 0 ? (value === 0 ? 1 : 0) : twoSided(value / error);
  return { value, standardError: error, p };
}

/** The exact McNemar test of values that are 0 or 1: only items on which the two disagree count. */
export function mcNemar(row: readonly number[], baseline: readonly number[]): Difference {
  const { value, standardError: error } = meanDifference(row, baseline);
  const better = row.filter((each, i) => each > (baseline[i] ?? 0)).length;
  const worse = row.filter((each, i) => each < (baseline[i] ?? 0)).length;
  return { value, standardError: error, p: binomialTwoSided(better, better + worse) };
}

/** The probability of at most or at least so many heads of `n` fair coins, whichever is rarer, twice. */
export function binomialTwoSided(heads: number, n: number): number {
  const few = Math.min(heads, n - heads);
  let term = -n * Math.LN2; // of no heads, as a logarithm
  let sum = 0;
  for (let k = 0; k <= few; k++) {
    sum += Math.exp(term);
    term += Math.log(n - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * sum);
}

/**
 * The paired bootstrap of a statistic over documents: both rows are drawn with the same documents.
 *
 * @param statistic of the documents with these indices
 */
export function bootstrapDifference(
  documents: number,
  statistic: { readonly row: Statistic; readonly baseline: Statistic },
  seed: number,
  draws = 2000,
): Difference {
  const all = Uint32Array.from({ length: documents }, (_, i) => i);
  const value = statistic.row(all) - statistic.baseline(all);
  if (documents < 2) return { value, standardError: null, p: null };
  const differences = Array.from({ length: draws }, (_, draw) => {
    const drawn = drawnDocuments(documents, seed, draw);
    return statistic.row(drawn) - statistic.baseline(drawn);
  });
  const center = mean(differences);
  const squares = differences.reduce((sum, each) => sum + (each - center) ** 2, 0);
  // One more each, because the rows themselves are a draw too: so it is never 0.
  const below = (differences.filter((each) => each <= 0).length + 1) / (draws + 1);
  const above = (differences.filter((each) => each >= 0).length + 1) / (draws + 1);
  return {
    value,
    standardError: Math.sqrt(squares / (draws - 1)),
    p: Math.min(1, 2 * Math.min(below, above)),
  };
}

export type Statistic = (documents: Uint32Array) => number;

/** The bootstrap's standard error of one row alone; null for fewer than two documents. */
export function bootstrapError(
  documents: number,
  statistic: Statistic,
  seed: number,
  draws = 2000,
): number | null {
  return bootstrapDifference(documents, { row: statistic, baseline: () => 0 }, seed, draws).standardError;
}

const drawnDocuments = (documents: number, seed: number, draw: number) =>
  Uint32Array.from({ length: documents }, (_, i) => threefry2x32([seed, draw], [i, 0])[0] % documents);

/** Holm's correction of several tests: the corrected probabilities, in the same order. Null stays null. */
export function holm(ps: readonly (number | null)[]): (number | null)[] {
  const known = ps.flatMap((p, i) => (p === null ? [] : [{ p, i }])).sort((a, b) => a.p - b.p);
  const corrected: (number | null)[] = ps.map(() => null);
  let least = 0;
  for (const [rank, { p, i }] of known.entries()) {
    least = Math.max(least, Math.min(1, p * (known.length - rank)));
    corrected[i] = least;
  }
  return corrected;
}

/** Wilson's interval of a fraction, at 95 %: for few items, and at 0 and 1, where a standard error says nothing. */
export function wilson(successes: number, n: number): readonly [low: number, high: number] {
  const z = 1.959963984540054;
  const fraction = successes / n;
  const scale = 1 + (z * z) / n;
  const center = (fraction + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((fraction * (1 - fraction)) / n + (z * z) / (4 * n * n));
  return [center - half, center + half];
}

/** The probability of a standard normal value at least so far from 0. */
export const twoSided = (z: number): number => erfc(Math.abs(z) / Math.SQRT2);

/** The complementary error function, within 1.2e-7 (Numerical Recipes, 6.2). */
function erfc(x: number): number {
  const t = 1 / (1 + x / 2);
  const coefficients = [
    ...[-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398],
    ...[1.48851587, -0.82215223, 0.17087277],
  ];
  return t * Math.exp(-x * x + coefficients.reduceRight((sum, c) => sum * t + c, 0));
}
