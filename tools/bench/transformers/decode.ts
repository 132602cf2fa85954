/** One side of the comparison: continues a prompt greedily. */
export type Decode = (prompt: readonly number[], newTokens: number) => Promise<Decoded>;

export interface Decoded {
  readonly tokens: readonly number[];
  /** Forward passes per second, from the first new token to the last. */
  readonly tokensPerSec: number;
}
