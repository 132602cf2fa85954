/** How YaRN stretches a context. Peng et al., arXiv:2309.00071; the names and defaults of transformers' config.json. */
export interface YarnStretch {
  readonly factor: number;
  /** Waves that fit the original context at least so many times are kept. */
  readonly betaFast: number;
  /** Waves that fit it at most so many times are stretched by the whole factor. */
  readonly betaSlow: number;
  /** Whether the bounds of the blend are rounded outwards to whole pairs. */
  readonly truncate: boolean;
  readonly originalContextTokens: number;
  /** What turned queries and keys are multiplied by. */
  readonly attentionFactor: number;
}

/**
 * The attention factor of a configuration that gives none.
 *
 * @param mscales `mscale` and `mscale_all_dim` if a file has both (DeepSeek's); null for the paper's own
 */
export function yarnAttentionFactor(
  factor: number,
  mscales: { readonly mscale: number; readonly allDim: number } | null,
): number {
  const scaled = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return mscales ? scaled(mscales.mscale) / scaled(mscales.allDim) : scaled(1);
}

/**
 * Frequencies blended, by pair, between the model's own (fast pairs) and those divided by the factor (slow pairs).
 *
 * @param theta above 1
 * @param plain radians per position of the unstretched pairs, `[headDim / 2]`
 */
export function yarnFrequencies(stretch: YarnStretch, theta: number, plain: Float64Array): Float64Array {
  const headDim = 2 * plain.length;
  /** The pair, not whole, whose wave fits the original context so many times. */
  const pairOf = (waves: number) =>
    (headDim * Math.log(stretch.originalContextTokens / (waves * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(stretch.betaFast), pairOf(stretch.betaSlow)];
  const low = Math.max(stretch.truncate ? Math.floor(first) : first, 0);
  const high = Math.min(stretch.truncate ? Math.ceil(last) : last, headDim - 1);
  const width = low === high ? 0.001 : high - low;
  return plain.map((frequency, pair) => {
    const stretched = Math.min(1, Math.max(0, (pair - low) / width));
    return (stretched * frequency) / stretch.factor + (1 - stretched) * frequency;
  });
}
