import { describe, expect, it } from 'vitest';
import { ropeFrequencies, ropeTable, type RopeSpec } from '../../../gpu/plan/rope.ts';
import { fc } from '../../support/seeded-properties.ts';

const plain: RopeSpec = { type: 'default', theta: 10000 };
/** The numbers of Llama 3.1. */
const llama3: RopeSpec = {
  type: 'llama3',
  theta: 500000,
  factor: 8,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalContextTokens: 8192,
};

describe('ropeFrequencies', () => {
  it('begin at one radian per position and fall by the same factor from pair to pair', () => {
    const frequencies = [...ropeFrequencies(plain, 8)];
    expect(frequencies).toEqual([1, expect.closeTo(0.1), expect.closeTo(0.01), expect.closeTo(0.001)]);
  });

  it('are all divided by the factor of a linear stretch', () => {
    const stretched = ropeFrequencies({ type: 'linear', theta: 10000, factor: 4 }, 16);
    expect([...stretched]).toEqual([...ropeFrequencies(plain, 16)].map((frequency) => frequency / 4));
  });

  it('of Llama 3 stay if the wave is short, are divided if it is long, and are blended in between', () => {
    const unstretched = ropeFrequencies({ type: 'default', theta: 500000 }, 128);
    for (const [pair, frequency] of ropeFrequencies(llama3, 128).entries()) {
      const before = unstretched[pair] ?? NaN;
      const waveTokens = (2 * Math.PI) / before;
      if (waveTokens < 8192 / 4) expect(frequency).toBeCloseTo(before, 14);
      else if (waveTokens > 8192) expect(frequency).toBeCloseTo(before / 8, 14);
      else {
        // Linear in the waves that fit the original context, from 1 (divided) to 4 (kept).
        const kept = (8192 / waveTokens - 1) / 3;
        expect(frequency).toBeCloseTo(kept * before + ((1 - kept) * before) / 8, 14);
      }
    }
  });

  it('of Llama 3 fall from pair to pair', () => {
    const frequencies = [...ropeFrequencies(llama3, 128)];
    expect(frequencies).toEqual([...frequencies].sort((a, b) => b - a));
  });
});

describe('ropeTable', () => {
  const headDim = 16;
  const turnsOf = (table: Float32Array) => (position: number, pair: number) => ({
    cos: table[position * headDim + 2 * pair] ?? NaN,
    sin: table[position * headDim + 2 * pair + 1] ?? NaN,
  });
  const place = { p: fc.nat(19), q: fc.nat(19), pair: fc.nat(headDim / 2 - 1) };

  it('turns nothing at position 0', () => {
    const turn = turnsOf(ropeTable(plain, headDim, 1));
    for (let pair = 0; pair < headDim / 2; pair++) expect(turn(0, pair)).toEqual({ cos: 1, sin: 0 });
  });

  it('turns each pair by its frequency per position', () => {
    const turn = turnsOf(ropeTable(plain, headDim, 3));
    for (const [pair, frequency] of ropeFrequencies(plain, headDim).entries()) {
      expect(turn(2, pair).cos).toBeCloseTo(Math.cos(2 * frequency), 6);
      expect(turn(2, pair).sin).toBeCloseTo(Math.sin(2 * frequency), 6);
    }
  });

  it('turns by two positions in a row as by their sum, so only distances count', () => {
    const turn = turnsOf(ropeTable(plain, headDim, 40));
    fc.assert(
      fc.property(fc.record(place), ({ p, q, pair }) => {
        const [a, b, sum] = [turn(p, pair), turn(q, pair), turn(p + q, pair)];
        // A few float32 roundings of numbers up to 1.
        expect(a.cos * b.cos - a.sin * b.sin).toBeCloseTo(sum.cos, 6);
        expect(a.sin * b.cos + a.cos * b.sin).toBeCloseTo(sum.sin, 6);
      }),
    );
  });

  it('is right to the last bit of float32 at a position where float32 angles would not be', () => {
    const far = 100_003;
    const wide = ropeTable(plain, 2, far + 1);
    expect(wide[2 * far]).toBe(Math.fround(Math.cos(far)));
    expect(wide[2 * far + 1]).toBe(Math.fround(Math.sin(far)));
  });
});
