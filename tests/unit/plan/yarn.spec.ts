import { describe, expect, it } from 'vitest';
import { ropeTable } from '../../../gpu/plan/rope.ts';
import { yarnAttentionFactor, yarnFrequencies, type YarnStretch } from '../../../gpu/plan/yarn.ts';

/** Llama 2 stretched by four, as in the paper's section on NTK-by-parts: 64 pairs. */
const llama2: YarnStretch = {
  factor: 4,
  betaFast: 32,
  betaSlow: 1,
  truncate: true,
  originalContextTokens: 4096,
  attentionFactor: 1,
};

const plainOf = (theta: number, headDim: number) =>
  Float64Array.from({ length: headDim / 2 }, (_, pair) => theta ** ((-2 * pair) / headDim));

/** By pair, how far between the model's own frequency (0) and the one divided by the factor (1). */
function blendOf(stretch: YarnStretch, theta: number, headDim: number): readonly number[] {
  const plain = plainOf(theta, headDim);
  return [...yarnFrequencies(stretch, theta, plain)].map((frequency, pair) => {
    const kept = frequency / (plain[pair] ?? NaN);
    return (1 - kept) / (1 - 1 / stretch.factor);
  });
}

describe('yarnFrequencies', () => {
  it('keep pairs with 32 turns in the context, divide those with less than one, and blend between', () => {
    const blend = blendOf(llama2, 10000, 128);
    // 128 · ln(4096 / (32 · 2π)) / (2 ln 10000) = 20.9, and 45.03 for one turn: rounded outwards, 20 and 46.
    expect(blend[20]).toBe(0);
    expect(blend[21]).toBeCloseTo(1 / 26, 10);
    expect(blend[33]).toBeCloseTo(1 / 2, 10);
    expect(blend[45]).toBeCloseTo(25 / 26, 10);
    expect(blend[46]).toBe(1);
    expect(blend.slice(0, 20)).toEqual(Array<number>(20).fill(0));
    expect(blend.slice(47)).toEqual(Array<number>(17).fill(1));
  });

  it('blend between fractional bounds if the configuration does not round them', () => {
    const blend = blendOf({ ...llama2, truncate: false }, 10000, 128);
    const pairOf = (waves: number) => (64 * Math.log(4096 / (waves * 2 * Math.PI))) / Math.log(10000);
    const [first, last] = [pairOf(32), pairOf(1)];
    expect(blend[20]).toBe(0);
    for (const pair of [21, 33, 45]) expect(blend[pair]).toBeCloseTo((pair - first) / (last - first), 10);
    expect(blend[46]).toBe(1);
  });

  it('blend from the first pair on if no pair turns often enough to stay', () => {
    // first = 4 · log10(1000 / (10⁴ · 2π)) = −7.2, last = 4 · log10(1000 / 2π) = 8.8, cut to headDim − 1 = 7.
    const stretch = { ...llama2, betaFast: 10_000, originalContextTokens: 1000 };
    const blend = blendOf(stretch, 10, 8);
    expect(blend[0]).toBe(0);
    for (const pair of [1, 2, 3]) expect(blend[pair]).toBeCloseTo(pair / 7, 10);
  });

  it('never blend further than pair headDim − 1, however long the original context', () => {
    // first = 4 · log10(10⁶ / (10⁵ · 2π)) = 0.8; last = 4 · log10(10⁶ / 2π) = 20.8.
    const stretch = { ...llama2, betaFast: 100_000, originalContextTokens: 1_000_000 };
    for (const truncate of [true, false]) {
      const blend = blendOf({ ...stretch, truncate }, 10, 8);
      const low = truncate ? 0 : 4 * Math.log10(1e6 / (1e5 * 2 * Math.PI));
      for (const pair of [1, 2, 3]) expect(blend[pair]).toBeCloseTo((pair - low) / (7 - low), 10);
    }
  });

  it('keep the first pair and divide all others if both bounds are 0', () => {
    // first = 4 · log10(16 / (32 · 2π)) = −4.4, cut to 0; last = 4 · log10(16 / (3 · 2π)) = −0.3, rounded up to 0.
    const stretch = { ...llama2, betaSlow: 3, originalContextTokens: 16 };
    expect(blendOf(stretch, 10, 8)).toEqual([0, 1, 1, 1]);
  });
});

describe('yarnAttentionFactor', () => {
  it('is 0.1 ln(factor) + 1, as in the paper', () => {
    expect(yarnAttentionFactor(4, null)).toBeCloseTo(1.1386294361, 10);
  });

  it('is 1 if nothing is stretched', () => {
    expect(yarnAttentionFactor(1, null)).toBe(1);
    expect(yarnAttentionFactor(0.5, null)).toBe(1);
    expect(yarnAttentionFactor(0.5, { mscale: 3, allDim: 2 })).toBe(1);
  });

  it('is the ratio of both scales if the file has both', () => {
    // DeepSeek-V2-Lite: (0.1 · 0.707 · ln 40 + 1) divided by itself. Then a file with different scales.
    expect(yarnAttentionFactor(40, { mscale: 0.707, allDim: 0.707 })).toBe(1);
    expect(yarnAttentionFactor(Math.E, { mscale: 2, allDim: 1 })).toBeCloseTo(1.2 / 1.1, 12);
  });
});

it('A table of rotations has YaRN’s attention factor in every cosine and sine', () => {
  const table = (attentionFactor: number) =>
    ropeTable({ type: 'yarn', theta: 10000, ...llama2, attentionFactor }, 8, 3);
  expect([...table(1.5)]).toEqual([...table(1)].map((value) => expect.closeTo(1.5 * value, 6) as number));
  expect(table(1.5)[0]).toBe(1.5);
});
