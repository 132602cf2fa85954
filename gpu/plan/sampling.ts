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

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** What each option may be; the page's fields and the checks of a request read the same table. */
export const samplingRanges: Readonly<Record<keyof SamplingOptions, Range>> = {
  temperature: { min: 0, max: 10, whole: false },
  topK: { min: 0, max: 1_000_000, whole: true },
  topP: { min: 0, max: 1, whole: false },
  minP: { min: 0, max: 1, whole: false },
  repetitionPenalty: { min: 0.1, max: 10, whole: false },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true },
};

/** Why a number is outside its range, or null if it is inside. */
export function outsideRange(value: number, { min, max, whole }: Range): string | null {
  if (!Number.isFinite(value)) return 'not a number';
  if (whole && !Number.isInteger(value)) return 'not a whole number';
  if (value < min) return `below ${min}`;
  if (value > max) return `above ${max}`;
  return null;
}
