/** What one store holds, row by row. */
export interface StoreRows {
  /** The layer whose keys and values these are. */
  readonly owner: number;
  readonly heads: readonly HeadRows[];
}

/** The rows of one KV head of a store, by ascending position. */
export interface HeadRows {
  readonly positions: readonly number[];
  /** One for each row; zeros if nothing scores them. */
  readonly scores: readonly number[];
  /** What LESS made of the rows that are gone; null without it, and for a store that is read through windows only. */
  readonly state: EvictedState | null;
}

/** The state of one KV head under LESS. */
export interface EvictedState {
  /** `[rank]`: Σ ψ(key) over the rows that are gone; z of docs/policies.md. */
  readonly features: Float32Array;
  /** `[rank, headDim]`: Σ ψ(key)·value; H of docs/policies.md. */
  readonly values: Float32Array;
}
