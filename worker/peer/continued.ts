/** What one greedy continuation took. */
export interface Continued {
  readonly tokens: readonly number[];
  /** From the call to the first new token. */
  readonly prefillMs: number;
  /** Forward passes per second, from the first new token to the last; 0 if there are fewer than two. */
  readonly decodeTokensPerSec: number;
  readonly kvBytes: number;
}

/** Continues a prompt greedily by a number of tokens. */
export type Continue = (
  prompt: readonly number[],
  newTokens: number,
  onToken?: (count: number) => void,
) => Promise<Continued>;
