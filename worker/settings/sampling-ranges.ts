import type { NumberRange } from '../../gpu/plan/number-range.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';

/** What each option may be. Apart from the table, because the engine checks them too and needs no labels. */
export const samplingRanges: Readonly<Record<keyof SamplingOptions, NumberRange>> = {
  temperature: { min: 0, max: 10, whole: false },
  topK: { min: 0, max: 1_000_000, whole: true },
  topP: { min: 0, max: 1, whole: false },
  minP: { min: 0, max: 1, whole: false },
  repetitionPenalty: { min: 0.1, max: 10, whole: false },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, whole: true },
};
