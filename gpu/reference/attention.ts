import { visibleKeys, type Mask } from '../kv/mask.ts';
import { headsOf } from './math.ts';

/** Copies the keys (`part` 0) or values (1) of the position into `into`: `[kvHeads × headDim]`. */
export type ReadKv = (position: number, part: 0 | 1, into: Float32Array) => void;

/**
 * One query row's attention over every position that its mask shows. A row that sees no key gets zero.
 *
 * @param q `[heads × headDim]`, rotated
 * @returns `[heads × headDim]`
 */
export function attend(
  q: Float32Array,
  position: number,
  mask: Mask,
  shape: { readonly kvHeads: number; readonly headDim: number },
  read: ReadKv,
): Float32Array {
  const { kvHeads, headDim } = shape;
  const output = new Float32Array(q.length);
  const { from, to } = visibleKeys(position, mask);
  if (from >= to) return output;

  const queries = headsOf(q, headDim);
  const groupSize = queries.length / kvHeads;
  const row = new Float32Array(kvHeads * headDim);
  const shared = headsOf(row, headDim); // one view a KV head, refilled for every position
  const weights = queries.map(() => new Float32Array(to - from));

  for (let key = from; key < to; key++) {
    read(key, 0, row);
    queries.forEach((query, head) => {
      const kvHead = shared[Math.floor(head / groupSize)] as Float32Array;
      (weights[head] as Float32Array)[key - from] = dot(query, kvHead) / Math.sqrt(headDim);
    });
  }
  weights.forEach(softmaxInPlace);
  const outputs = headsOf(output, headDim);
  for (let key = from; key < to; key++) {
    read(key, 1, row);
    outputs.forEach((head, i) => {
      const weight = weights[i]?.[key - from] ?? 0;
      const values = shared[Math.floor(i / groupSize)] as Float32Array;
      for (let d = 0; d < headDim; d++) head[d] = (head[d] as number) + weight * (values[d] as number);
    });
  }
  return output;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function softmaxInPlace(scores: Float32Array): void {
  let max = -Infinity;
  for (const score of scores) max = Math.max(max, score);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += scores[i] = Math.exp((scores[i] as number) - max);
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / sum;
}
