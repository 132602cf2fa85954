import type { TokenMeasure } from '../../gpu/plan/token-measure.ts';
import type { MeasuredToken } from '../protocol/generate.ts';

/** A token as it was drawn, before its text is known. */
export interface DrawnToken {
  readonly token: number;
  /** The token before it. */
  readonly before: number | undefined;
  readonly measure: TokenMeasure | null;
  /** Since the previous token; 0 for the first. */
  readonly ms: number;
}

/** A token and the one before it, because decoders may drop the leading space of a text's first token. */
export type TokenAfter = readonly [before: number | undefined, token: number];

/** The tokens whose texts {@link measuredToken} needs; empty if nothing was measured. */
export const tokensToTell = ({ token, before, measure }: DrawnToken): readonly TokenAfter[] =>
  measure ? [token, ...measure.alternatives.map((other) => other.token)].map((id) => [before, id]) : [];

/**
 * A drawn token's measure, with texts.
 *
 * @param texts those of {@link tokensToTell}, in its order; empty without a tokenizer
 */
export function measuredToken(
  { token, measure, ms }: DrawnToken,
  texts: readonly string[],
): MeasuredToken | undefined {
  if (!measure) return undefined;
  const [text = '', ...others] = texts;
  return {
    ...{ id: token, text, probability: measure.probability, rank: measure.rank, ms },
    alternatives: measure.alternatives.map(({ token: id, probability }, i) => ({
      id,
      text: others[i] ?? '',
      probability,
    })),
  };
}
