import { softmax } from '../kv/policies/attention-probabilities.ts';
import type { Recalled } from './less-state.ts';

/**
 * One query head's attention over the rows that it sees. A query that sees none gets zero.
 *
 * @param q `[headDim]`, rotated
 * @param keys `[headDim]` each, rotated
 * @param values `[headDim]` each
 * @param recalled what LESS adds of the rows that are gone; null if it adds nothing
 * @returns `[headDim]`, the score `q·k / √headDim` of each row, how much of the output each row makes, and how much
 *   what was recalled does
 */
export function attendHead(
  q: Float32Array,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
  recalled: Recalled | null = null,
): {
  readonly output: Float32Array;
  readonly scores: Float32Array;
  readonly probabilities: Float32Array;
  readonly recalled: number;
} {
  const output = new Float32Array(q.length);
  const scores = Float32Array.from(keys, (key) => dot(q, key) / Math.sqrt(q.length));
  const probabilities = softmax(scores);
  for (const [i, weight] of probabilities.entries()) {
    const value = values[i] ?? output;
    for (let d = 0; d < output.length; d++) output[d] = (output[d] as number) + weight * (value[d] as number);
  }
  if (!recalled || recalled.weight === 0) return { output, scores, probabilities, recalled: 0 };

  // The rows' weights, before the softmax divided by them, are to the state's as e^rows to e^state.
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const rows = most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  const state = Math.log(recalled.weight);
  const shift = Math.max(state, keys.length === 0 ? -Infinity : rows);
  const ofRows = keys.length === 0 ? 0 : Math.exp(rows - shift);
  const ofState = Math.exp(state - shift);
  const whole = ofRows + ofState;
  const mixed = output.map((number, d) => {
    const past = (recalled.values[d] ?? 0) / recalled.weight;
    return (ofRows * number + ofState * past) / whole;
  });
  return {
    output: mixed,
    scores,
    probabilities: probabilities.map((weight) => (ofRows * weight) / whole),
    recalled: ofState / whole,
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
