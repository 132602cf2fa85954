import { describe, expect, it } from 'vitest';
import { visibleKeys, maskOf } from '../../../gpu/kv/mask.ts';
import { slotOf } from '../../../gpu/kv/slots.ts';
import { newEvictingCache } from '../../../gpu/kv/evicting-cache.ts';
import { KvStores, type EvictingFacts } from '../../../gpu/kv/stores.ts';
import { kvUsage, type KvPrecision } from '../../../gpu/kv/usage.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import { arbitrarySharing, sharingOf } from '../../support/arbitrary-plans.ts';
import { policyWith } from '../../support/arbitrary-policies.ts';
import { tinyDims } from '../../support/random-model.ts';
import { fc } from '../../support/seeded-properties.ts';

/** Stores with the memory that the ledger counts: a few bytes more than requested. */
function storesOf(sharing: Sharing, capacityTokens: number, precision: KvPrecision = 'f16') {
  let allocatedBytes = 0;
  const stores = new KvStores(sharing, tinyDims, precision, capacityTokens, (_, slots, rowBytes) => {
    const counted = Math.ceil((slots * rowBytes) / 16) * 16;
    allocatedBytes += counted;
    return { bytes: counted, firstSlot: 0 };
  });
  return { stores, allocatedBytes };
}

/** Prompts read row by row or at once, some with their last steps discarded, and texts that drop back. */
const turns = fc.array(
  fc.record({
    rows: fc.integer({ min: 1, max: 12 }),
    atOnce: fc.boolean(),
    thrownAway: fc.nat(8),
    rewindBy: fc.option(fc.nat(10), { nil: 0 }),
  }),
  { minLength: 1, maxLength: 6 },
);

const CAPACITY = 100;

describe('The stores of a session', () => {
  it('report the usage that the formulas predict, whatever was read, discarded and dropped', () => {
    fc.assert(
      fc.property(arbitrarySharing(), turns, (sharing, history) => {
        const { stores, allocatedBytes } = storesOf(sharing, CAPACITY);
        let end = 0;
        for (const { rows, thrownAway, rewindBy } of history) {
          stores.written(end + rows + thrownAway);
          stores.keep((end += rows));
          expect(stores.tokens).toBe(end);
          expect(stores.usage()).toEqual(kvUsage(sharing, tinyDims, 'f16', end, allocatedBytes));
          stores.rewind((end = Math.max(0, end - rewindBy)));
          expect(stores.tokens).toBe(end);
          expect(stores.usage()).toEqual(kvUsage(sharing, tinyDims, 'f16', end, allocatedBytes));
        }
      }),
    );
  });

  it('hold in each KV head as many positions as they count rows, up to the newest', () => {
    fc.assert(
      fc.property(arbitrarySharing(), fc.integer({ min: 0, max: 60 }), (sharing, end) => {
        const { stores } = storesOf(sharing, CAPACITY);
        stores.written(end);
        stores.keep(end);
        for (const cache of stores.caches) {
          const positions = cache.positions(0) ?? [];
          expect(positions).toHaveLength(cache.rows);
          expect(positions.at(-1)).toBe(end === 0 ? undefined : end - 1);
          expect(positions).toEqual([...positions].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('hold every key that a reader sees', () => {
    fc.assert(
      fc.property(arbitrarySharing(), fc.integer({ min: 1, max: 60 }), (sharing, end) => {
        const { stores } = storesOf(sharing, CAPACITY);
        stores.written(end);
        stores.keep(end);
        for (const layer of sharing.layers) {
          const held = new Set(stores.of(layer.readsFrom).positions(0) ?? []);
          const { from, to } = visibleKeys(end - 1, maskOf(sharing, layer));
          for (let key = from; key < to; key++) expect(held.has(key)).toBe(true);
        }
      }),
    );
  });

  it('refuse to drop back if, and only if, a ring has lost a row that the next token sees', () => {
    const windowTokens = 5;
    fc.assert(
      fc.property(turns, (history) => {
        const { stores } = storesOf(sharingOf('0s_1', { windowTokens }), CAPACITY);
        const { slots } = stores.of(0);
        const ring = Array<number>(slots.slots).fill(-1);
        let end = 0;
        let gap = false;
        for (const { rows, atOnce, thrownAway } of history) {
          const entered = atOnce && rows > windowTokens ? windowTokens : Infinity;
          gap ||= entered < rows;
          const last = end + rows + (atOnce ? 0 : thrownAway);
          for (let p = Math.max(end, last - Math.min(entered, last)); p < last; p++)
            ring[slotOf(slots, p)] = p;
          stores.written(last, entered);
          stores.keep((end += rows));
        }
        for (let tokens = 0; tokens <= end; tokens++) {
          const seen = Array.from({ length: Math.min(tokens, windowTokens - 1) }, (_, i) => tokens - 1 - i);
          const held = seen.every((position) => ring[slotOf(slots, position)] === position);
          if (stores.caches.every((cache) => cache.canRewind(tokens))) expect(held).toBe(true);
          else if (!gap) expect(held).toBe(false);
        }
        expect(stores.caches.every((cache) => cache.canRewind(end + 1))).toBe(false);
      }),
    );
  });

  it('drop back anywhere without windows, also after prompts longer than any window', () => {
    const { stores } = storesOf(sharingOf('0_1', { windowTokens: 5 }), 2000);
    stores.written(1000, 5);
    stores.keep(1000);
    expect([1000, 500, 1, 0].map((tokens) => stores.rewind(tokens))).toEqual([true, true, true, true]);
  });

  it('use no ring for a text that fits into the window', () => {
    const { stores } = storesOf(sharingOf('0s_1', { windowTokens: 50 }), 20);
    expect(stores.caches.map(({ slots }) => slots.kind)).toEqual(['linear', 'linear']);
    stores.written(20, 3);
    stores.keep(20);
    expect(stores.rewind(4)).toBe(true);
  });

  it('hold the same rows in every KV head if everything is kept, without scores', () => {
    const { stores } = storesOf(sharingOf('0_1s_1', { windowTokens: 3 }), 20);
    stores.written(5);
    stores.keep(5);
    expect(stores.rowsHeld(2)).toEqual(
      stores.caches.map((cache) => {
        const positions = cache.positions(0) ?? [];
        const head = { positions, scores: positions.map(() => 0), state: null };
        return { owner: cache.owner, heads: [head, head] };
      }),
    );
    expect(stores.rowsHeld(1)[0]?.heads[0]?.positions).toEqual([0, 1, 2, 3, 4]);
  });

  it('are made and cut by a policy, with a position and a score beside each row of a KV head', () => {
    const policy = policyWith('sinks', { sinks: 1, recent: 3 });
    const made: EvictingFacts[] = [];
    const make = (facts: EvictingFacts) => {
      made.push(facts);
      return newEvictingCache(facts, { policy, scored: false, promptTokens: 9, kernels: null }, 0, () => 0);
    };
    const sharing = sharingOf('0_1s_1s', { windowTokens: 3 });
    const stores = new KvStores(sharing, tinyDims, 'f16', 20, () => ({ bytes: 0, firstSlot: 0 }), { make });
    const { kvHeads, headDim } = tinyDims;
    const rowBytes = 2 * kvHeads * headDim * 2 + 8 * kvHeads;
    expect(made).toEqual([
      { owner: 0, windowTokens: Infinity, capacityTokens: 20, rowBytes },
      { owner: 1, windowTokens: 3, capacityTokens: 20, rowBytes },
    ]);
    stores.keep(9);
    stores.cut(9, { sinks: 1, recent: 3, heavy: 0 });
    expect(stores.caches.map(({ rows }) => rows)).toEqual([4, 3]);
    expect(stores.bytesInUse).toBe(7 * rowBytes);
  });

  it('are found by their owner, and the error names a layer that owns no KV', () => {
    const { stores } = storesOf(sharingOf('0_2_2_3'), 20);
    expect(stores.caches.map(({ owner }) => owner)).toEqual([0, 2, 3]);
    expect(() => stores.of(1)).toThrow('layer 1 owns no KV');
  });
});
