import { ALTERNATIVES, type TokenProbabilities } from '../plan/token-probabilities.ts';

const NONE = 0xffffffff;

/** 32-bit words of `Probabilities`. */
export const probabilitiesWords = 4 + 2 * ALTERNATIVES;

/** `Probabilities` of `kernels/probabilities.wgsl` as numbers. */
export function readProbabilities(words: Uint32Array): TokenProbabilities {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const [maximum = 0, sum = 1, logit = 0] = floats;
  const probabilityOf = (value: number) => Math.exp(value - maximum) / sum;
  const tokens = [...words.subarray(4, 4 + ALTERNATIVES)];
  return {
    probability: probabilityOf(logit),
    rank: words[3] ?? 0,
    alternatives: tokens.flatMap((token, i) =>
      token === NONE ? [] : { token, probability: probabilityOf(floats[4 + ALTERNATIVES + i] ?? 0) },
    ),
  };
}
