import type { TokenLikelihood } from '../plan/token-likelihood.ts';

/**
 * The likelihood of a token, in float64; the twin of `kernels/likelihood.wgsl`.
 *
 * @param logits `[vocabSize]`, as the model computed them
 */
export function likelihoodOf(logits: Float32Array, token: number): TokenLikelihood {
  const own = logits[token] ?? NaN;
  let max = -Infinity;
  let rank = 1;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > max) max = logit;
    if (logit > own || (logit === own && i < token)) rank++;
  }
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return { logProbability: own - max - Math.log(sum), rank };
}
