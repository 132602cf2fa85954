import { ALTERNATIVES, type TokenMeasure } from '../plan/token-measure.ts';

const NONE = 0xffffffff;

/** A `Measure` of `kernels/measure.wgsl` as numbers. */
export function readMeasure(words: Uint32Array): TokenMeasure {
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
