import { describe, expect, it } from 'vitest';
import { NOT_FINITE, sample } from '../../gpu/webgpu/kernels/sample.ts';
import { greedy, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import { sampleToken } from '../../gpu/cpu/sampler.ts';
import { packSampling } from '../../gpu/webgpu/pack-sampling.ts';
import { drawShared } from '../support/gpu-sampler.ts';
import { context, positionOnly, randomFloats, run } from '../support/kernels.ts';

const settings: readonly Partial<SamplingOptions>[] = [
  {},
  { repetitionPenalty: 1.4 },
  { temperature: 1 },
  { temperature: 0.7, topK: 1 },
  { temperature: 1e-300 },
  { temperature: 1e-40, topP: 0.5 },
  { temperature: 1.5, topK: 7 },
  { temperature: 1, topP: 0.6 },
  { temperature: 1, topP: 0 },
  { temperature: 1, minP: 0.2 },
  { temperature: 0.9, topK: 40, topP: 0.9, minP: 0.01, repetitionPenalty: 1.2 },
  { temperature: 2, topK: 1_000_000, topP: 1, repetitionPenalty: 0.7 },
];

/** The words that the GPU writes after `history`. */
async function gpuToken(
  logits: Float32Array,
  history: readonly number[],
  options: SamplingOptions,
  workgroup: number,
): Promise<number> {
  const tokens = await run(
    sample,
    { vocabSize: logits.length, tokenPlaces: history.length + 1, workgroup, stretches: 0 },
    {
      logits,
      tokens: Uint32Array.from([...history, 0]),
      seen: new Uint32Array(logits.length),
      options: new Uint32Array(packSampling(options)),
      rows: positionOnly(history.length - 1),
      drawn: new Uint32Array(1),
      found: new Uint32Array(8),
    },
    'tokens',
  );
  return new Uint32Array(tokens)[history.length] ?? -1;
}

describe('sample', () => {
  it.each(settings)('picks the same token as its twin, with %o', async (setting) => {
    for (const vocabSize of [1, 5, 131, 2048]) {
      for (let seed = 1; seed <= 4; seed++) {
        const logits = randomFloats(vocabSize, 6);
        // With repetitions, and with the first and the last token of the vocabulary.
        const history = [0, vocabSize - 1, 0, Math.floor(vocabSize / 2), vocabSize - 1];
        const options = { ...greedy, ...setting, seed: seed * 2 ** 40 + seed };
        const expected = sampleToken(logits, history, history.length, options);
        for (const workgroup of [64, 256]) {
          const got = await gpuToken(logits, history, options, workgroup);
          expect(got, `vocabulary of ${vocabSize}, seed ${seed}`).toBe(expected);
        }
        const shared = await drawShared(await context(), logits, history, options);
        expect(shared, `shared, vocabulary of ${vocabSize}, seed ${seed}`).toBe(expected);
      }
    }
  });

  it.each(settings)('ends and draws no token if a logit is not finite, with %o', async (setting) => {
    const options = { ...greedy, ...setting };
    const oddities = [NaN, Infinity, -Infinity];
    for (const vocabSize of [1, 5, 131, 2048]) {
      const one = oddities.map((odd) => {
        const logits = randomFloats(vocabSize, 6);
        logits[vocabSize - 1] = odd;
        return logits;
      });
      const all = oddities.map((odd) => new Float32Array(vocabSize).fill(odd));
      const anyBits = new Float32Array(
        Uint32Array.from({ length: vocabSize }, (_, i) => 0x7f800000 + 7919 * i).buffer,
      );
      for (const logits of [...one, ...all, anyBits]) {
        expect(await gpuToken(logits, [0], options, 64)).toBe(NOT_FINITE);
        expect(await drawShared(await context(), logits, [0], options)).toBe(NOT_FINITE);
      }
    }
  });

  it('takes the first of equal logits when greedy', async () => {
    const logits = new Float32Array(300).fill(-1);
    logits[130] = logits[131] = logits[299] = 2;
    expect(await gpuToken(logits, [0], greedy, 64)).toBe(130);
    expect(await drawShared(await context(), logits, [0], greedy)).toBe(130);
    expect(sampleToken(logits, [0], 1, greedy)).toBe(130);
  });

  it('draws each token as often as its probability says', async () => {
    const logits = Float32Array.from([2, 1, 0, -1, -30]);
    const weights = [...logits].map(Math.exp);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const draws = 400;
    const counts = [0, 0, 0, 0, 0];
    for (let seed = 0; seed < draws; seed++) {
      const token = await gpuToken(logits, [0], { ...greedy, temperature: 1, seed }, 64);
      counts[token] = (counts[token] ?? 0) + 1;
    }
    const chiSquared = counts.slice(0, 4).reduce((sum, count, token) => {
      const expected = (draws * (weights[token] ?? 0)) / total;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    expect(counts[4]).toBe(0);
    expect(chiSquared).toBeLessThan(16.3); // 3 degrees of freedom, p = 0.001; the seeds are fixed
  });
});
