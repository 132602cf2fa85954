import { runningIn } from '#platform';
import { describe, expect, it } from 'vitest';
import { likelihoodOf } from '../../gpu/cpu/token-likelihood.ts';
import { likelihoodWords, packWanted, readLikelihoods } from '../../gpu/webgpu/likelihood-reader.ts';
import { likelihood } from '../../gpu/webgpu/kernels/likelihood.ts';
import { context, randomFloats, run } from '../support/kernels.ts';

/** One workgroup and its neighbors, a prime, the largest in common models. */
const vocabularies = [1, 63, 64, 65, 4099, ...(runningIn === 'node' ? [151_936] : [])];

async function onGpu(
  logits: Float32Array,
  vocabSize: number,
  wanted: readonly (readonly [row: number, token: number])[],
  firstRow = 0,
) {
  const { tuning } = await context();
  const words = await run(
    likelihood,
    { vocabSize, workgroup: tuning.sampleWorkgroup },
    { logits, wanted: packWanted(wanted), likelihoods: new Uint32Array(likelihoodWords * wanted.length) },
    'likelihoods',
    { rows: wanted.length - firstRow, firstRow },
  );
  return readLikelihoods(new Uint32Array(words));
}

describe('The likelihood of wanted tokens', () => {
  it.each(vocabularies)('equals its twin for a vocabulary of %i', async (vocabSize) => {
    const logits = randomFloats(3 * vocabSize, 12);
    // Several of a row, and rows in any order.
    const wanted = [0, 2, 1, 1].map((row, i) => [row, (vocabSize * (3 * i + 1)) % vocabSize] as const);
    const got = await onGpu(logits, vocabSize, wanted);
    for (const [i, [row, token]] of wanted.entries()) {
      const expected = likelihoodOf(logits.subarray(row * vocabSize, (row + 1) * vocabSize), token);
      expect(got[i]?.rank).toBe(expected.rank);
      expect(got[i]?.logProbability).toBeCloseTo(expected.logProbability, 4);
    }
  });

  it('ranks equal logits in the order of the vocabulary', async () => {
    const logits = new Float32Array(200).fill(-2);
    logits[170] = logits[20] = 3;
    const got = await onGpu(
      logits,
      200,
      [20, 170, 0, 199].map((token) => [0, token] as const),
    );
    expect(got.map((each) => each?.rank)).toEqual([1, 2, 3, 200]);
  });

  it('begins at the first row of its step', async () => {
    const logits = randomFloats(200, 3);
    const got = await onGpu(logits, 100, [[0, 5], [1, 7], [1, 8]], 1); // prettier-ignore
    expect(got[0]).toBeNull();
    expect(got[2]?.logProbability).toBeCloseTo(likelihoodOf(logits.subarray(100), 8).logProbability, 4);
  });

  it.each([NaN, Infinity, -Infinity])('has none in a row with the logit %d', async (odd) => {
    const logits = randomFloats(300, 3);
    logits[130] = odd;
    const got = await onGpu(logits, 100, [[0, 5], [1, 7], [2, 8]]); // prettier-ignore
    expect(got.map((each) => each === null)).toEqual([false, true, false]);
  });
});
