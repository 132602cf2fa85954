/** What is compared: something that continues a prompt greedily. */
export type Decode = (prompt: readonly number[], newTokens: number) => Promise<Decoded>;

export interface Decoded {
  readonly tokens: readonly number[];
  /** Forward passes a second, from the first new token to the last. */
  readonly tokensPerSec: number;
}
