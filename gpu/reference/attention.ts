import { softmax } from '../kv/policies/attention-probabilities.ts';

/**
 * One query head's attention over the rows that it sees. A query that sees none gets zero.
 *
 * @param q `[headDim]`, rotated
 * @param keys `[headDim]` each, rotated
 * @param values `[headDim]` each
 * @returns `[headDim]`, and the score `q·k / √headDim` of each row
 */
export function attendHead(
  q: Float32Array,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
): { readonly output: Float32Array; readonly scores: Float32Array } {
  const output = new Float32Array(q.length);
  const scores = Float32Array.from(keys, (key) => dot(q, key) / Math.sqrt(q.length));
  for (const [i, weight] of softmax(scores).entries()) {
    const value = values[i] ?? output;
    for (let d = 0; d < output.length; d++) output[d] = (output[d] as number) + weight * (value[d] as number);
  }
  return { output, scores };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
