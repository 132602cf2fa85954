import { logSumExp } from '../evaluate/log-sum-exp.ts';
import { badRequest } from '../outcome.ts';

/**
 * What a request asks of its prompt's logits: some rows, and the mean negative log-likelihood. Positions count through
 * all turns. Each row is read when it arrives, and kept only if the request asks for it.
 */
export class PromptLogits {
  readonly #tokens: readonly number[];
  readonly #asked: readonly number[];
  readonly #keep: ReadonlySet<number>;
  readonly #score: boolean;
  readonly #rows = new Map<number, Float32Array>();
  #nats = 0;
  #scoredTokens = 0;

  /**
   * @param tokens the tokens of all turns
   * @param asked  positions in any order, also repeated
   * @param score  whether to score every token except the first
   * @throws Refused with `bad-request` for a position outside the prompt, or a prompt too short to score
   */
  constructor(tokens: readonly number[], asked: readonly number[], score: boolean) {
    const outside = asked.find((position) => !(Number.isInteger(position) && tokens[position] !== undefined));
    if (outside !== undefined) {
      throw badRequest('logits', `there is no position ${outside} in a prompt of ${tokens.length} tokens`);
    }
    if (score && tokens.length < 2) throw badRequest('score', 'a prompt of one token has nothing to score');
    this.#tokens = tokens;
    this.#asked = asked;
    this.#keep = new Set(asked);
    this.#score = score;
  }

  /** Positions of a turn whose logits are needed, ascending and counted from the start of the turn. */
  wantedIn(turnStart: number, turnTokens: number): readonly number[] {
    // The very last token predicts nothing in the prompt.
    const scored = this.#score ? Math.min(turnTokens, this.#tokens.length - 1 - turnStart) : 0;
    const asked = this.#asked.map((position) => position - turnStart);
    const inTurn = asked.filter((position) => position >= scored && position < turnTokens);
    return [...Array.from({ length: scored }, (_, position) => position), ...new Set(inTurn)].sort(
      (a, b) => a - b,
    );
  }

  /** Takes the row `[vocabSize]` of a position; the caller may reuse its memory. */
  take(position: number, logits: Float32Array): void {
    if (this.#keep.has(position)) this.#rows.set(position, logits.slice());
    const next = this.#tokens[position + 1];
    if (!this.#score || next === undefined) return;
    this.#nats += negativeLogLikelihood(logits, next);
    this.#scoredTokens++;
  }

  /** One row for each requested position, in that order; empty if the prompt was not read to its end. */
  rows(): readonly Float32Array[] {
    const rows = this.#asked.flatMap((position) => this.#rows.get(position) ?? []);
    return rows.length === this.#asked.length ? rows : [];
  }

  /** Mean over tokens 1…; null if it was not requested, or if the prompt was not read to its end. */
  meanNats(): number | null {
    const complete = this.#score && this.#scoredTokens === this.#tokens.length - 1;
    return complete ? this.#nats / this.#scoredTokens : null;
  }
}

/** −log softmax(logits)[token], in float64. */
export function negativeLogLikelihood(logits: Float32Array, token: number): number {
  return logSumExp(logits) - (logits[token] ?? NaN);
}
