import { runningIn } from '#platform';
import { describe, expect, it } from 'vitest';
import { keepLogits } from '../../gpu/webgpu/kernels/keep-logits.ts';
import { probabilities } from '../../gpu/webgpu/kernels/probabilities.ts';
import { probabilitiesOf } from '../../gpu/cpu/token-probabilities.ts';
import { probabilitiesWords, readProbabilities } from '../../gpu/webgpu/read-probabilities.ts';
import { context, positionOnly, randomFloats, run } from '../support/kernels.ts';

/** Fewer than the alternatives, one workgroup and its neighbors, a prime, the largest in common models. */
const vocabularies = [1, 3, 63, 64, 65, 257, 4099, 32_000, ...(runningIn === 'node' ? [151_936] : [])];

async function onGpu(logits: Float32Array, token: number) {
  const { tuning } = await context();
  const words = await run(
    probabilities,
    { vocabSize: logits.length, workgroup: tuning.sampleWorkgroup },
    {
      logits,
      tokens: Uint32Array.of(0, 0, 0, token),
      probabilities: new Uint32Array(probabilitiesWords),
      rows: positionOnly(2),
    },
    'probabilities',
  );
  return readProbabilities(new Uint32Array(words, 0, probabilitiesWords));
}

function expectSame(got: Awaited<ReturnType<typeof onGpu>>, logits: Float32Array, token: number) {
  const expected = probabilitiesOf(logits, token);
  expect(got.rank).toBe(expected.rank);
  expect(got.alternatives.map((each) => each.token)).toEqual(expected.alternatives.map((each) => each.token));
  expect(got.probability).toBeCloseTo(expected.probability, 5);
  for (const [i, { probability }] of got.alternatives.entries()) {
    expect(probability).toBeCloseTo(expected.alternatives[i]?.probability ?? NaN, 5);
  }
}

describe('The probabilities of a token', () => {
  it.each(vocabularies)('equal their twin for a vocabulary of %i', async (vocabSize) => {
    const logits = randomFloats(vocabSize, 12);
    for (const token of new Set([0, vocabSize - 1, (vocabSize * 7) >> 4])) {
      expectSame(await onGpu(logits, token), logits, token);
    }
  });

  it('ranks equal logits in the order of the vocabulary', async () => {
    const logits = new Float32Array(200).fill(-2);
    expectSame(await onGpu(logits, 150), logits, 150);
    expect((await onGpu(logits, 150)).rank).toBe(151);
    logits[170] = logits[20] = 3;
    const { rank, alternatives } = await onGpu(logits, 170);
    expect(rank).toBe(2);
    expect(alternatives.map(({ token }) => token)).toEqual([20, 170, 0, 1, 2]);
  });

  it('adds up to one over a small vocabulary', async () => {
    const { alternatives } = await onGpu(randomFloats(4, 5), 0);
    expect(alternatives).toHaveLength(4);
    expect(alternatives.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  });

  it.each([1, 64, 65, 4099])('uses an exact copy of %i logits', async (vocabSize) => {
    const logits = randomFloats(vocabSize, 12);
    const kept = await run(keepLogits, { vocabSize }, { logits, kept: new Float32Array(vocabSize) }, 'kept');
    expect(new Float32Array(kept)).toEqual(logits);
  });
});
