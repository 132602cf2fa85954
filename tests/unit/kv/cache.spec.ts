import { describe, expect, it } from 'vitest';
import { scratchSlots } from '../../../gpu/kv/slots.ts';
import { KvStores } from '../../../gpu/kv/stores.ts';
import { kvBytesHeld, kvRowBytes, MAX_STEPS_IN_FLIGHT } from '../../../gpu/kv/usage.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { tinyDims } from '../../support/random-model.ts';

const windowTokens = 5;
const mixed = sharingOf('0s_1', { windowTokens });

/** A windowed store of layer 0 and a linear one of layer 1, with the bytes that each requested. */
function storesFor(capacityTokens: number) {
  const asked = new Map<number, number>();
  const stores = new KvStores(mixed, tinyDims, 'f16', capacityTokens, ({ layer }, slots, rowBytes) => {
    asked.set(layer, slots * rowBytes);
    return { bytes: slots * rowBytes, firstSlot: 0 };
  });
  return { stores, asked };
}

describe('The caches of a session', () => {
  it('allocate the bytes of their rows: the window and the steps in flight, or the whole text', () => {
    const rowBytes = kvRowBytes(tinyDims, 'f16');
    expect([...storesFor(100).asked]).toEqual([
      [0, (windowTokens + MAX_STEPS_IN_FLIGHT) * rowBytes],
      [1, 100 * rowBytes],
    ]);
  });

  it('can each drop back to the end of the text, and not beyond it', () => {
    const { stores } = storesFor(100);
    stores.written(30);
    stores.keep(30);
    for (const cache of stores.caches) {
      expect(cache.canRewind(30)).toBe(true);
      expect(cache.canRewind(31)).toBe(false);
    }
  });

  it('refuse to rewind if a single one has lost its rows', () => {
    const { stores } = storesFor(100);
    stores.written(30);
    stores.keep(30);
    expect(stores.caches.map((cache) => cache.canRewind(10))).toEqual([false, true]);
    expect(stores.rewind(10)).toBe(false);
  });
});

it('A windowed owner holds the bytes of its window, any other owner those of the whole text', () => {
  const rowBytes = kvRowBytes(tinyDims, 'f32');
  expect(kvBytesHeld(mixed, tinyDims, 'f32', 3)).toBe((3 + 3) * rowBytes);
  expect(kvBytesHeld(mixed, tinyDims, 'f32', 30)).toBe((windowTokens + 30) * rowBytes);
});

it('A scratch layout is marked as one, with the position at which it begins', () => {
  expect(scratchSlots(5, 7)).toEqual({ kind: 'scratch', slots: 5, firstPosition: 7, firstSlot: 0 });
});
