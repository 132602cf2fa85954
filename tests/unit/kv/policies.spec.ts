import { describe, expect, it } from 'vitest';
import { rowsAfterCut, rowsThatStay, victimOf, type ScoredRow } from '../../../gpu/kv/policies/cut.ts';
import { gumbelTable, noiseIndex, noiseOfQuery, pcg } from '../../../gpu/kv/policies/noise.ts';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { mostRows, mostRowsAtOnce, policyKind } from '../../../gpu/kv/policies/policies.ts';
import { PolicyRun } from '../../../gpu/kv/policies/policy-run.ts';
import type { Budget, Policy } from '../../../gpu/kv/policies/policy.ts';
import { policyWith } from '../../support/arbitrary-policies.ts';
import { fc } from '../../support/seeded-properties.ts';

const budgetOf = (id: string, fields: Partial<Policy>, textTokens: number) =>
  policyKind(id).budget(policyWith(id, fields), textTokens);

describe('A budget', () => {
  it.each<[string, Partial<Policy>, number, Budget]>([
    // ⌊26 · 30 / 100⌋ = 7, of which ⌊7 · 50 / 100⌋ = 3 are recent.
    ['h2o', { cachePercent: 30, recentPercent: 50 }, 26, { sinks: 0, recent: 3, heavy: 4 }],
    // ⌊3 · 30 / 100⌋ = 0 becomes 1.
    ['h2o', { cachePercent: 30, recentPercent: 50 }, 3, { sinks: 0, recent: 1, heavy: 0 }],
    // 29 · 0.07 is below 2.03 in any order; 100 · 0.29 is 28.999… if it is divided first.
    ['keyformer', { cachePercent: 29, recentPercent: 100 }, 100, { sinks: 0, recent: 29, heavy: 0 }],
    ['sinks', { sinks: 4, cachePercent: 10 }, 200, { sinks: 4, recent: 16, heavy: 0 }],
    ['lambda', { sinks: 4, cachePercent: 1 }, 200, { sinks: 4, recent: 1, heavy: 0 }],
    ['tova', { cachePercent: 25 }, 32, { sinks: 0, recent: 1, heavy: 7 }],
    ['tova', { rows: 1 }, 32, { sinks: 0, recent: 1, heavy: 0 }],
    ['key-norm', { heavy: 5, recent: 2 }, 9, { sinks: 0, recent: 2, heavy: 5 }],
    // What is left out is a percentage of the text.
    ['h2o', { heavy: 3, cachePercent: 20, recentPercent: 50 }, 100, { sinks: 0, recent: 10, heavy: 3 }],
  ])('of %s %o after %i tokens is right', (id, fields, textTokens, expected) => {
    expect(budgetOf(id, fields, textTokens)).toEqual(expected);
  });

  it('bounds the rows that a session must have room for', () => {
    const policy = policyWith('sinks', { sinks: 2, recent: 6 });
    expect(mostRows(policy, 1000)).toBe(8);
    expect(mostRowsAtOnce({ policy, scored: false, promptTokens: 100, kernels: null }, 1000)).toBe(108);
    const chunked = { policy: { ...policy, chunk: 10 }, scored: false, promptTokens: 100, kernels: null };
    expect(mostRowsAtOnce(chunked, 1000)).toBe(18);
    expect(mostRowsAtOnce(chunked, 12)).toBe(12);
    expect(mostRows(keepEverything, 5)).toBe(Infinity);
  });
});

it('The noise is that of the definition, bit for bit', () => {
  expect([pcg(0), pcg(1)]).toEqual([129708002, 2831084092]);
  const ofQuery = noiseOfQuery(7, 3, 1, 20);
  expect([0, 1, 2, 3, 4].map((key) => noiseIndex(ofQuery, key))).toEqual([3564, 526, 175, 3462, 3659]);
  expect(gumbelTable).toHaveLength(4096);
  expect(gumbelTable[4095]).toBe(Math.fround(-Math.log(-Math.log(4095.5 / 4096))));
  expect(noiseOfQuery(0xffffffff, 0, 0, 0)).not.toBe(noiseOfQuery(0, 0, 0, 0));
});

describe("Keyformer's temperature", () => {
  it('is the first one for every query of a prompt, and rises with each token that is fed', () => {
    const run = new PolicyRun(policyWith('keyformer', { tauInit: 1, tauDelta: 0.25 }), false);
    const taus = [run.tau];
    for (let fed = 0; fed < 2; fed++) {
      run.tokenFed();
      taus.push(run.tau);
    }
    run.promptStarts();
    expect([...taus, run.tau]).toEqual([1, 1.25, 1.5, 1]);
  });
});

it('Noise goes into probabilities under Keyformer alone, and short keys score higher', () => {
  const noisy = (id: string) => new PolicyRun(policyWith(id, {}), false).noisy;
  expect(['keyformer', 'h2o', 'key-norm', 'sinks'].map(noisy)).toEqual([true, false, false, false]);
  const { scoring } = policyKind('key-norm');
  expect(scoring?.from === 'key' && scoring.scoreOf(Float32Array.of(3, 4))).toBe(-5);
});

it('Only policies that score by themselves keep scores, unless others ask for those of H2O', () => {
  const scoring = (id: string, scored: boolean) => new PolicyRun(policyWith(id, {}), scored).scoring;
  expect(scoring('sinks', false)).toBeNull();
  expect(scoring('sinks', true)).toEqual(scoring('h2o', false));
  expect(scoring('none', true)).toBeNull();
});

const staying = (
  rows: readonly ScoredRow[],
  budget: Budget | null,
  textTokens: number,
  windowTokens = Infinity,
) => {
  const stays = rowsThatStay(rows, { budget, textTokens, windowTokens });
  return rows.filter((_, i) => stays[i]).map(({ position }) => position);
};
const rowsOf = (...scores: number[]) => scores.map((score, position) => ({ position, score }));

describe('A cut', () => {
  it('keeps sinks, the newest, and of the others those with the highest scores', () => {
    const rows = rowsOf(1, 9, 3, 7, 2, 0);
    expect(staying(rows, { sinks: 0, recent: 2, heavy: 2 }, 6)).toEqual([1, 3, 4, 5]);
    expect(staying(rows, { sinks: 1, recent: 1, heavy: 1 }, 6)).toEqual([0, 1, 5]);
    expect(staying(rows, { sinks: 2, recent: 2, heavy: 0 }, 6)).toEqual([0, 1, 4, 5]);
    expect(staying(rows, null, 6)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('prefers the lower position if scores are equal', () => {
    expect(staying(rowsOf(5, 5, 5, 0), { sinks: 0, recent: 1, heavy: 2 }, 4)).toEqual([0, 1, 3]);
  });

  it('drops what every window has passed, sinks too', () => {
    expect(staying(rowsOf(9, 9, 9, 9, 9), { sinks: 2, recent: 2, heavy: 0 }, 5, 4)).toEqual([1, 3, 4]);
    expect(staying(rowsOf(0, 0, 0), null, 3, 2)).toEqual([1, 2]);
  });

  const budget = fc.record({ sinks: fc.nat(3), recent: fc.integer({ min: 1, max: 4 }), heavy: fc.nat(4) });
  const windowTokens = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 9 }));
  /** Few values, so that many scores are equal. */
  const scores = fc.array(fc.nat(3), { minLength: 1, maxLength: 24 });

  it('leaves as many rows as the formula says, token by token', () => {
    fc.assert(
      fc.property(budget, windowTokens, scores, (rule, window, values) => {
        // Only sinks alone are lost to a window while others could fill their place.
        const limits = rule.heavy > 0 ? { ...rule, sinks: 0 } : rule;
        let rows: ScoredRow[] = [];
        for (const [position, score] of values.entries()) {
          rows.push({ position, score });
          const options = { budget: limits, textTokens: position + 1, windowTokens: window };
          const stays = rowsThatStay(rows, options);
          rows = rows.filter((_, i) => stays[i]);
          expect(rows).toHaveLength(rowsAfterCut(limits, position + 1, window));
        }
      }),
    );
  });

  it('after a token that was fed is the same row by row, in slots of any order', () => {
    fc.assert(
      fc.property(budget, windowTokens, scores, (rule, window, values) => {
        const limits = rule.heavy > 0 ? { ...rule, sinks: 0 } : rule;
        let rows: ScoredRow[] = [];
        const slots: { position: number; score: number }[] = [];
        for (const [position, score] of values.entries()) {
          const options = { budget: limits, textTokens: position + 1, windowTokens: window };
          const free = slots.findIndex((slot) => slot.position < 0);
          if (free < 0) slots.push({ position, score });
          else slots[free] = { position, score };
          for (;;) {
            const positions = slots.map((slot) => slot.position);
            const held = { positions, scores: slots.map((slot) => slot.score), count: slots.length };
            const victim = victimOf(held, options);
            if (victim < 0) break;
            slots[victim] = { position: -1, score: 0 };
          }
          rows.push({ position, score });
          const stays = rowsThatStay(rows, options);
          rows = rows.filter((_, i) => stays[i]);
          const left = slots.map((slot) => slot.position).filter((each) => each >= 0);
          expect(left.sort((a, b) => a - b)).toEqual(rows.map((row) => row.position));
        }
      }),
    );
  });
});
