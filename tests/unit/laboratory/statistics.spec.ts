import { describe, expect, it } from 'vitest';
import { eigenvalues, measureStates } from '../../../worker/laboratory/hidden-measures.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { isNoise, summarize } from '../../../worker/laboratory/summary.ts';
import { median, standardError } from '../../../worker/laboratory/statistics/moments.ts';
import {
  binomialTwoSided,
  bootstrapDifference,
  Draws,
  holm,
  mcNemar,
  meanDifference,
  twoSided,
  wilson,
} from '../../../worker/laboratory/statistics/tests-of-difference.ts';

describe('Statistics', () => {
  it('divides the standard error’s variance by n − 1', () => {
    expect(standardError([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3) / 2, 12);
    expect(standardError([1])).toBeNull();
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('tests 0 and 1 by McNemar’s exact test, of the items on which the rows disagree', () => {
    // R: binom.test(1, 7)$p.value, and binom.test(5, 10)$p.value
    expect(binomialTwoSided(1, 7)).toBeCloseTo(0.125, 12);
    expect(binomialTwoSided(5, 10)).toBe(1);
    expect(binomialTwoSided(0, 0)).toBe(1);
    const row = [1, 0, 0, 0, 0, 0, 0, 1, 1, 0];
    const baseline = [0, 1, 1, 1, 1, 1, 1, 1, 1, 0];
    expect(mcNemar(row, baseline)).toMatchObject({ value: -0.5 });
    expect(mcNemar(row, baseline).p).toBeCloseTo(0.125, 12);
  });

  it('corrects several tests by Holm’s method, and leaves out those without a number', () => {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    const corrected = holm([0.01, null, 0.04, 0.03, 0.005]);
    expect(corrected[1]).toBeNull();
    expect(corrected.map((p) => p ?? 0)).toEqual(
      [0.03, 0, 0.06, 0.06, 0.02].map((p) => expect.closeTo(p, 12) as number),
    );
  });

  it('gives Wilson’s interval of a fraction, also at 0', () => {
    const [low, high] = wilson(0, 10);
    expect(low).toBeCloseTo(0, 12);
    expect(high).toBeCloseTo(0.27753, 4);
    expect(wilson(5, 10)[0]).toBeCloseTo(0.23659, 4);
  });

  it('knows the tails of the normal distribution', () => {
    expect(twoSided(1.959964)).toBeCloseTo(0.05, 6);
    expect(twoSided(0)).toBeCloseTo(1, 6);
  });

  it('finds a difference that every item shows, and none between equal rows', () => {
    const baseline = Array.from({ length: 40 }, (_, i) => Math.sin(i));
    const better = baseline.map((value, i) => value + 0.5 + 0.1 * Math.cos(i));
    expect(meanDifference(better, baseline).p).toBeLessThan(1e-6);
    expect(meanDifference(baseline, baseline)).toEqual({ value: 0, standardError: 0, p: 1 });
    const meanOf = (values: readonly number[]) => (drawn: Uint32Array) =>
      drawn.reduce((sum, i) => sum + (values[i] ?? 0), 0) / drawn.length;
    const statistics = { row: meanOf(better), baseline: meanOf(baseline) };
    const drawn = bootstrapDifference(40, statistics, new Draws(7));
    expect(drawn).toEqual(bootstrapDifference(40, statistics, new Draws(7)));
    expect(drawn.p).toBeLessThan(0.01);
    expect(drawn.standardError).toBeCloseTo(meanDifference(better, baseline).standardError ?? 0, 2);
    expect(bootstrapDifference(1, statistics, new Draws(7)).p).toBeNull();
    // No draw has another sign, and the rows themselves are a draw too.
    const apart = { row: () => 1, baseline: () => 0 };
    expect(bootstrapDifference(40, apart, new Draws(7)).p).toBeCloseTo(2 / 2001, 12);
  });

  it('gives fractions of 30 items and more a standard error, and of fewer an interval', () => {
    const experiment = readExperiment({
      ...{ experiment: 1, model: 'm' },
      measure: [{ id: 'word', kind: 'continuation', items: { sha256: 'a'.repeat(64) } }],
    });
    const figureOf = (items: number) => {
      const records = Array.from({ length: items }, (_, item) => {
        const request = { logLikelihood: -1, greedy: item % 2 === 0, tokens: 1, cut: 0 };
        const measured = { kind: 'likelihood', requests: [request], kvBytes: 1 } as const;
        return { key: '', row: 0, measure: 'word', item, measured, ms: 1 };
      });
      return summarize(experiment, records, new Map()).columns.find(({ name }) => name === 'accuracy')
        ?.figures[0];
    };
    expect(figureOf(29)?.interval).not.toBeNull();
    expect(figureOf(30)?.interval).toBeNull();
  });

  it('calls a difference noise only if its corrected p is above 0.05', () => {
    const noiseOf = (corrected: number | null) =>
      isNoise({
        ...{ value: 1, standardError: 1, interval: null, items: 9 },
        difference: { value: 1, standardError: 1, p: corrected, corrected },
      });
    expect([0.2, 0.05, 0.01, null].map(noiseOf)).toEqual([true, false, false, false]);
  });
});

describe('Hidden states', () => {
  it('have the eigenvalues of their matrix', () => {
    const matrix = Float64Array.of(2, -1, 0, -1, 2, -1, 0, -1, 2);
    const expected = [2 - Math.SQRT2, 2, 2 + Math.SQRT2];
    expect([...eigenvalues(matrix, 3)].sort((a, b) => a - b)).toEqual(
      expected.map((value) => expect.closeTo(value, 12) as number),
    );
    expect([...eigenvalues(Float64Array.of(5), 1)]).toEqual([5]);
  });

  it('are undefined if some row equals the mean', () => {
    const none = { matrixNuclearNorm: null, nuclearNorm: null, entropy: null };
    expect(measureStates(Float32Array.of(1, 2), 2)).toEqual(none);
    expect(measureStates(Float32Array.of(1, 2, 3, 4, 5, 6), 2)).toEqual(none);
  });
});
