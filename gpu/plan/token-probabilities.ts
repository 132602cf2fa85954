/** How many of the likeliest tokens are named beside the drawn one. */
export const ALTERNATIVES = 5;

/**
 * What the model's own distribution says about a drawn token. It is the softmax of the raw logits: temperature 1,
 * before any penalty, and with nothing cut off by top-k, top-p or min-p.
 */
export interface TokenProbabilities {
  readonly probability: number;
  /** 1 for the likeliest; of equals the first in the vocabulary comes first. */
  readonly rank: number;
  /** The likeliest tokens in order, at most {@link ALTERNATIVES}. */
  readonly alternatives: readonly TokenChance[];
}

export interface TokenChance {
  readonly token: number;
  readonly probability: number;
}
