import { visibleKeys, type Mask } from './mask.ts';

/**
 * What one query head of one row reads of a store. The probabilities and `recalled` sum to 1, or are none if the head sees
 * nothing.
 */
export interface HeadAttention {
  /** Of the rows that it sees, in any order. */
  readonly positions: readonly number[];
  /** The softmax of its scores: one for each position. */
  readonly probabilities: Float32Array;
  /** The fraction that LESS recalls of the rows that are gone; 0 without it. */
  readonly recalled: number;
}

/** Receives what a layer's query heads read, layer by layer. */
export type OnAttention = (layer: number, heads: readonly HeadAttention[]) => void;

/** In the place of a probability: the layer's mask hides the row. */
export const HIDDEN = -1;
/** In the place of a probability: the mask would show the row, and the policy has evicted it. */
export const EVICTED = -2;

/** What a head reads, position by position up to its query's own: probabilities, {@link HIDDEN} or {@link EVICTED}. */
export function readsByPosition(
  { positions, probabilities }: HeadAttention,
  position: number,
  mask: Mask,
): Float32Array<ArrayBuffer> {
  const reads = new Float32Array(position + 1).fill(HIDDEN);
  const { from, to } = visibleKeys(position, mask);
  reads.fill(EVICTED, from, to);
  for (const [i, at] of positions.entries()) reads[at] = probabilities[i] ?? HIDDEN;
  return reads;
}
