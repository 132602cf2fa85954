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
}
