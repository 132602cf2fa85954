import { describe, expect, it } from 'vitest';
import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import {
  kvBytesPerTokenUnder,
  kvBytesUnder,
  longestPromptUnder,
  placesNeeded,
  storesUnder,
} from '../../../gpu/kv/policies/usage.ts';
import { kvBytesHeld } from '../../../gpu/kv/usage.ts';
import { arbitraryPolicy, policyWith } from '../../support/arbitrary-policies.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { dims as oneHead } from '../worker/tiny-checkpoint.ts';
import { fc } from '../../support/seeded-properties.ts';

/** Two KV heads, which a product and a quotient tell apart. */
const dims = { ...oneHead, heads: 2, kvHeads: 2 };
const sharing = sharingOf('0_2s_2s_0', { windowTokens: 8 });

describe('The preview of a policy', () => {
  it('counts what a cut leaves, with scores and positions, and windows as they are', () => {
    const h2o = policyWith('h2o', { heavy: 6, recent: 4 });
    const row = 4 * dims.kvHeads * dims.headDim + 8 * dims.kvHeads;
    expect(storesUnder(h2o, 8, sharing, dims, 'f16', 100)).toEqual([
      { owner: 0, rows: 10, bytes: 10 * row, stateBytes: 0 },
      { owner: 2, rows: 8, bytes: 8 * row, stateBytes: 0 },
    ]);
  });

  it('counts the state of LESS in the stores that some reader sees without a window', () => {
    const less = { ...policyWith('lambda', { sinks: 4, recent: 6 }), id: 'less', sparse: 'lambda' };
    const row = 4 * dims.kvHeads * dims.headDim + 8 * dims.kvHeads;
    const stateBytes = dims.kvHeads * 3 * (dims.headDim + 1) * 4;
    expect(storesUnder(less, 3, sharing, dims, 'f16', 100)).toEqual([
      { owner: 0, rows: 10, bytes: 10 * row + stateBytes, stateBytes },
      { owner: 2, rows: 6, bytes: 6 * row, stateBytes: 0 },
    ]);
  });

  it('counts a token with its scores and positions until it is cut', () => {
    const h2o = policyWith('h2o', { heavy: 6, recent: 4 });
    const plain = kvBytesPerTokenUnder(keepEverything, sharing, dims, 'f16');
    expect(plain).toBe(2 * 4 * dims.kvHeads * dims.headDim);
    expect(kvBytesPerTokenUnder(h2o, sharing, dims, 'f16')).toBe(plain + 2 * 8 * dims.kvHeads);
    expect(kvBytesUnder(h2o, 0, sharing, dims, 'f16', 1)).toBe(
      kvBytesPerTokenUnder(h2o, sharing, dims, 'f16'),
    );
  });

  it('without a policy is the formula of a plain cache', () => {
    expect(kvBytesUnder(keepEverything, 8, sharing, dims, 'f32', 50)).toBe(
      kvBytesHeld(sharing, dims, 'f32', 50),
    );
  });

  it('finds the longest prompt that fits, or that every prompt does', () => {
    fc.assert(
      fc.property(arbitraryPolicy, fc.integer({ min: 0, max: 1_000_000 }), (policy, bytes) => {
        const longest = longestPromptUnder(policy, 0, sharing, dims, 'f16', bytes);
        const bytesAt = (tokens: number) => kvBytesUnder(policy, 0, sharing, dims, 'f16', tokens);
        expect(bytesAt(Math.min(longest, 1_000_000))).toBeLessThanOrEqual(bytes);
        if (longest < Infinity) expect(bytesAt(longest + 1)).toBeGreaterThan(bytes);
      }),
      { numRuns: 200 },
    );
  });
});

describe('The places that a text needs', () => {
  const sinks = (more: object) => policyWith('sinks', { sinks: 4, recent: 60, positions: 'cache', ...more });
  const text = { heldTokens: 0, readTokens: 1000, newTokens: 500 };

  it('are its length if positions are those of the text', () => {
    expect(placesNeeded(sinks({ positions: 'absolute' }), text)).toBe(1500);
    expect(placesNeeded(keepEverything, text)).toBe(1500);
    expect(placesNeeded({ ...keepEverything, positions: 'cache' }, text)).toBe(1500);
  });

  it('count heavy hitters, the row of a step, and a percentage of all that is read', () => {
    const h2o = (more: object) => policyWith('h2o', { positions: 'cache', ...more });
    const kept = { heldTokens: 1000, readTokens: 10, newTokens: 9000 };
    expect(placesNeeded(h2o({ heavy: 20, recent: 4 }), kept)).toBe(34);
    expect(placesNeeded(h2o({ heavy: 20, recent: 4 }), { ...kept, readTokens: 0 })).toBe(25);
    // ⌊1010 · 10 / 100⌋ = 101 rows.
    expect(placesNeeded(h2o({ cachePercent: 10, recentPercent: 50 }), kept)).toBe(111);
  });

  it('are those of the longest piece and the rows kept, however many tokens follow', () => {
    expect(placesNeeded(sinks({}), text)).toBe(1000);
    expect(placesNeeded(sinks({ chunk: 32 }), text)).toBe(96);
    expect(placesNeeded(sinks({}), { heldTokens: 1000, readTokens: 10, newTokens: 9000 })).toBe(74);
    expect(placesNeeded(sinks({}), { heldTokens: 0, readTokens: 5, newTokens: 7 })).toBe(12);
  });
});
