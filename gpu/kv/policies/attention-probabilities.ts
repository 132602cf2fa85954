import { noiseAt, noiseOfQuery } from './noise.ts';
import type { Scoring } from './policy.ts';

/** One query head of a reader. */
export interface Query {
  readonly reader: number;
  readonly head: number;
  readonly position: number;
}

/** What Keyformer's probabilities depend on, apart from attention. */
export interface Noise {
  readonly seed: number;
  readonly tau: number;
}

/**
 * What one query adds to the scores of the rows that it sees: the probabilities of its attention, or Keyformer's
 * softmax((s + g) / τ).
 *
 * @param scores `q·k / √headDim` of each row that it sees, in the order of `positions`
 */
export function probabilities(
  scoring: Scoring,
  scores: Float32Array,
  positions: readonly number[],
  query: Query,
  { seed, tau }: Noise,
): Float32Array {
  if (scoring.from !== 'attention' || !scoring.noisy) return softmax(scores);
  const ofQuery = noiseOfQuery(seed, query.reader, query.head, query.position);
  return softmax(scores.map((score, i) => (score + noiseAt(ofQuery, positions[i] ?? 0)) / tau));
}

/** exp(x) / Σ exp(x), shifted by the maximum. */
export function softmax(scores: Float32Array): Float32Array {
  let max = -Infinity;
  for (const score of scores) max = Math.max(max, score);
  const weights = scores.map((score) => Math.exp(score - max));
  let sum = 0;
  for (const weight of weights) sum += weight;
  return weights.map((weight) => weight / sum);
}
