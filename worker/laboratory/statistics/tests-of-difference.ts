/** Whether a row of an experiment differs from the baseline: always item by item. */
import { threefry2x32 } from '../../../gpu/cpu/random.ts';
import { mean, standardDeviation, standardError } from './moments.ts';

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
  draws: Draws,
): Difference {
  const all = Uint32Array.from({ length: documents }, (_, i) => i);
  const value = statistic.row(all) - statistic.baseline(all);
  if (documents < 2) return { value, standardError: null, p: null };
  const differences = Array.from({ length: draws.count }, (_, draw) => {
    const drawn = draws.of(documents, draw);
    return statistic.row(drawn) - statistic.baseline(drawn);
  });
  // One more each, because the rows themselves are a draw too: so it is never 0.
  const below = (differences.filter((each) => each <= 0).length + 1) / (draws.count + 1);
  const above = (differences.filter((each) => each >= 0).length + 1) / (draws.count + 1);
  return {
    value,
    standardError: standardDeviation(differences),
    p: Math.min(1, 2 * Math.min(below, above)),
  };
}

export type Statistic = (documents: Uint32Array) => number;

/** The bootstrap's standard error of one row alone; null for fewer than two documents. */
export const bootstrapError = (documents: number, statistic: Statistic, draws: Draws): number | null =>
  bootstrapDifference(documents, { row: statistic, baseline: () => 0 }, draws).standardError;

/** Numbers that are kept: 16 MiB. */
const MOST_KEPT = 2 ** 22;

/** Documents drawn with replacement. All rows and figures of a table share them, so they are drawn once if they fit. */
export class Draws {
  readonly count: number;
  readonly #seed: number;
  /** The last number of documents that was drawn from, and its draws. */
  #kept = { documents: 0, draws: [] as Uint32Array[] };

  constructor(seed: number, count = 2000) {
    this.#seed = seed;
    this.count = count;
  }

  /** The indices of one draw of that many documents. */
  of(documents: number, draw: number): Uint32Array {
    if (this.#kept.documents !== documents) this.#kept = { documents, draws: [] };
    const known = this.#kept.draws[draw];
    if (known) return known;
    const drawn = Uint32Array.from(
      { length: documents },
      (_, i) => threefry2x32([this.#seed, draw], [i, 0])[0] % documents,
    );
    if (documents * this.count <= MOST_KEPT) this.#kept.draws[draw] = drawn;
    return drawn;
  }
}

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
