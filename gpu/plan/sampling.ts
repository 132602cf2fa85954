/** How the next token is drawn from the logits. */
export interface SamplingOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of likeliest tokens that holds this fraction of what top-k left; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens at least this fraction as likely as the likeliest; 0 keeps all. */
  readonly minP: number;
  /** Divides positive and multiplies negative logits of every token of the text so far; 1 does nothing. CTRL, arXiv:1909.05858. */
  readonly repetitionPenalty: number;
  /** Draws depend on the seed and the position alone. A whole number below 2^53. */
  readonly seed: number;
}

export const greedy: SamplingOptions = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  seed: 1,
};

/**
 * Below it, a temperature is 0: the likeliest token is drawn in any case, and as a float32 the number would be 0 or one
 * that GPUs may take for 0.
 */
export const SMALLEST_TEMPERATURE = 1e-30;
