import { describe, expect, it } from 'vitest';
import { newEvictingCache } from '../../../gpu/kv/evicting-cache.ts';
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { lessOver, policyWith } from '../../support/arbitrary-policies.ts';
import { randomKernels } from '../../support/random-kernels.ts';

const rowBytes = 100;
const cacheOf = (
  policy: Policy,
  more: { windowTokens?: number; capacityTokens?: number; inFlight?: number } = {},
) => {
  const { windowTokens = Infinity, capacityTokens = 1000, inFlight = 0 } = more;
  return newEvictingCache(
    { owner: 3, windowTokens, capacityTokens, rowBytes },
    { policy, scored: false, promptTokens: 50, kernels: null },
    inFlight,
    (slots) => slots * rowBytes,
  );
};
const eightRows = policyWith('sinks', { sinks: 2, recent: 6 });
const budget = { sinks: 2, recent: 6, heavy: 0 };

describe('A cache under a policy', () => {
  it('has slots for its budget, the row of a step, and steps that may be thrown away', () => {
    expect(cacheOf(eightRows).slots).toMatchObject({ kind: 'evicting', slots: 9 });
    expect(cacheOf(eightRows, { inFlight: 8 }).slots.slots).toBe(17);
    expect(cacheOf(eightRows).bytesAllocated).toBe(9 * rowBytes);
  });

  it('counts the state of LESS with the rows, from the start on', () => {
    const dims = { heads: 4, kvHeads: 2, headDim: 8 };
    const kernels = randomKernels(sharingOf('3_3_3_3'), dims, { hidden: 5, rank: 3 });
    const facts = { owner: 3, windowTokens: Infinity, capacityTokens: 50, rowBytes };
    const options = { policy: lessOver(eightRows), scored: false, promptTokens: 50, kernels };
    const cache = newEvictingCache(facts, options, 0, () => 0);
    // 3 sums of features and 3 of values in each of 2 KV heads.
    const stateBytes = 2 * 3 * (8 + 1) * 4;
    expect(cache).toMatchObject({ stateBytes, bytesInUse: stateBytes });
    cache.cut(12, budget);
    expect(cache).toMatchObject({ rows: 8, bytesInUse: 8 * rowBytes + stateBytes });
    expect(newEvictingCache({ ...facts, owner: 1 }, options, 0, () => 0).stateBytes).toBe(0);
  });

  it('has no more slots than a window or the text fills', () => {
    expect(cacheOf(eightRows, { windowTokens: 4 }).slots.slots).toBe(5);
    expect(cacheOf(eightRows, { capacityTokens: 6 }).slots.slots).toBe(6);
    expect(cacheOf(policyWith('h2o', { cachePercent: 20, recentPercent: 50 })).slots.slots).toBe(11);
  });

  it('counts the rows of a prompt until it is cut, and then those that stay', () => {
    const cache = cacheOf(eightRows);
    cache.keep(20);
    expect([cache.rows, cache.bytesInUse]).toEqual([20, 20 * rowBytes]);
    cache.cut(20, budget);
    expect([cache.rows, cache.end]).toEqual([8, 20]);
    cache.keep(23);
    expect(cache.rows).toBe(11);
    cache.cut(23, budget);
    expect(cache.rows).toBe(8);
  });

  it('does not get rows back when a budget grows with the text', () => {
    const cache = cacheOf(eightRows);
    cache.keep(20);
    cache.cut(20, budget);
    cache.cut(30, { ...budget, recent: 18 });
    expect([cache.rows, cache.end]).toEqual([8 + 10, 30]);
    cache.cut(33, { ...budget, recent: 18 });
    expect(cache.rows).toBe(20);
  });

  it('knows how many rows a step finds, also one that may be thrown away', () => {
    const cache = cacheOf(eightRows);
    cache.keep(5);
    cache.cut(5, budget);
    expect([5, 6, 7, 8, 9, 20].map((position) => cache.heldBelow(position))).toEqual([5, 6, 7, 8, 8, 8]);
  });

  it('continues only from its end, because rows that went do not come back', () => {
    const cache = cacheOf(eightRows);
    cache.keep(20);
    cache.cut(20, budget);
    expect([19, 20, 21].map((tokens) => cache.canRewind(tokens))).toEqual([false, true, false]);
    expect(cache.positions()).toBeNull();
  });
});
