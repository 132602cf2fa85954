import type { TokenProbabilities } from '../../gpu/plan/token-probabilities.ts';
import type { TokenWithProbabilities } from '../protocol/generate.ts';

/** A token as it was drawn, before its text is known. */
export interface DrawnToken {
  readonly token: number;
  /** The token before it. */
  readonly before: number | undefined;
  readonly probabilities: TokenProbabilities | null;
  /** Since the previous token; 0 for the first. */
  readonly ms: number;
}

/** A token and the one before it, because decoders may drop the leading space of a text's first token. */
export type TokenAfter = readonly [before: number | undefined, token: number];

/** The tokens whose texts {@link withProbabilities} needs; empty if its probabilities were not recorded. */
export const tokensToDecode = ({ token, before, probabilities }: DrawnToken): readonly TokenAfter[] =>
  probabilities
    ? [token, ...probabilities.alternatives.map((other) => other.token)].map((id) => [before, id])
    : [];

/**
 * A drawn token's probabilities, with texts.
 *
 * @param texts those of {@link tokensToDecode}, in its order; empty without a tokenizer
 */
export function withProbabilities(
  { token, probabilities, ms }: DrawnToken,
  texts: readonly string[],
): TokenWithProbabilities | undefined {
  if (!probabilities) return undefined;
  const [text = '', ...others] = texts;
  return {
    ...{ id: token, text, probability: probabilities.probability, rank: probabilities.rank, ms },
    alternatives: probabilities.alternatives.map(({ token: id, probability }, i) => ({
      id,
      text: others[i] ?? '',
      probability,
    })),
  };
}
