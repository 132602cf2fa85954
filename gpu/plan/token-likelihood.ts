/** What the model says about a given token at a position, whichever token follows in the text. */
export interface TokenLikelihood {
  /** In nats, of the softmax of the raw logits. */
  readonly logProbability: number;
  /** 1 for the likeliest, which greedy decoding takes; of equals the first in the vocabulary comes first. */
  readonly rank: number;
}

/** A token whose likelihood is wanted. */
export interface WantedToken {
  /** The position whose logits predict it, counted from the start of the turn. */
  readonly position: number;
  readonly token: number;
}
