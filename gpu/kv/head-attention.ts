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
