import { expect, it } from 'vitest';
import { packRow, rowAt, ROW_WORDS } from '../../../gpu/kv/rows.ts';
import {
  linearSlots,
  ringSlots,
  scratchSlots,
  slotOf,
  slotRuns,
  type SlotLayout,
} from '../../../gpu/kv/slots.ts';
import { fc } from '../../support/seeded-properties.ts';

/** A layout, and the last position of a text that fits into it. */
const texts: fc.Arbitrary<{ layout: SlotLayout; last: number; firstHeld: number }> = fc
  .record({
    slots: fc.integer({ min: 1, max: 12 }),
    last: fc.nat(60),
    base: fc.nat(20),
    firstSlot: fc.nat(30),
  })
  .chain(({ slots, last, base, firstSlot }) =>
    fc.constantFrom(
      { layout: { ...linearSlots(last + 1), firstSlot }, last, firstHeld: 0 },
      { layout: { ...ringSlots(slots), firstSlot }, last, firstHeld: Math.max(0, last + 1 - slots) },
      { layout: scratchSlots(last + 1, base), last: base + last, firstHeld: base },
    ),
  );

it('A linear store has a slot per position, a ring reuses slots, a scratch store starts in the text', () => {
  expect([0, 5, 11].map((position) => slotOf(linearSlots(12), position))).toEqual([0, 5, 11]);
  expect([0, 4, 5, 11].map((position) => slotOf(ringSlots(5), position))).toEqual([0, 4, 0, 1]);
  expect([7, 8, 11].map((position) => slotOf(scratchSlots(5, 7), position))).toEqual([0, 1, 4]);
});

it('The positions that a store holds lie in different slots of it', () => {
  fc.assert(
    fc.property(texts, ({ layout, last, firstHeld }) => {
      const slots = Array.from({ length: last + 1 - firstHeld }, (_, i) => slotOf(layout, firstHeld + i));
      expect(new Set(slots).size).toBe(slots.length);
      for (const slot of slots) {
        expect(slot).toBeGreaterThanOrEqual(layout.firstSlot);
        expect(slot).toBeLessThan(layout.firstSlot + layout.slots);
      }
    }),
  );
});

it('Runs of slots list the slots of neighboring positions in order, in as few runs as possible', () => {
  fc.assert(
    fc.property(texts, fc.nat(), ({ layout, last, firstHeld }, seed) => {
      const from = firstHeld + (seed % (last + 1 - firstHeld));
      const runs = slotRuns(layout, from, last + 1);
      const listed = runs.flatMap(({ slot, rows }) => Array.from({ length: rows }, (_, i) => slot + i));
      const wanted = Array.from({ length: last + 1 - from }, (_, i) => slotOf(layout, from + i));
      expect(listed).toEqual(wanted);
      expect(runs.length).toBeLessThanOrEqual(layout.kind === 'ring' ? 2 : 1);
    }),
  );
  expect(slotRuns(ringSlots(5), 3, 3)).toEqual([]);
});

/** `slotOfKey` of webgpu/kernels/rows.wgsl. */
function slotOfKey(row: ReturnType<typeof rowAt>, key: number): number {
  const back = row.position - key;
  const before = row.slot - row.firstSlot;
  return back > before ? row.endSlot - (back - before) : row.slot - back;
}

it('Counting back from a row gives the slot of every key that the store still holds', () => {
  fc.assert(
    fc.property(texts, ({ layout, last, firstHeld }) => {
      const row = rowAt(layout, last);
      for (let key = firstHeld; key <= last; key++) {
        expect(slotOfKey(row, key)).toBe(slotOf(layout, key));
      }
    }),
  );
});

it('A row keeps position, angle and slot apart, and sees no slot past the end of the store', () => {
  expect(rowAt(ringSlots(5), 13)).toEqual({
    ...{ sequence: 0, position: 13, rope: 13 },
    ...{ slot: 3, firstSlot: 0, endSlot: 5 },
  });
  expect(rowAt({ ...ringSlots(5), firstSlot: 40 }, 13, 7)).toMatchObject({
    ...{ sequence: 7, position: 13, rope: 13 },
    ...{ slot: 43, firstSlot: 40, endSlot: 45 },
  });
  expect(rowAt(scratchSlots(9, 10), 13)).toMatchObject({ position: 13, slot: 3, endSlot: 4 });
  expect(rowAt(linearSlots(20), 13)).toMatchObject({ position: 13, slot: 13, endSlot: 14 });
});

it('A packed row has the fields of the interface, in its order, at its own index of the table', () => {
  const table = new Uint32Array(3 * ROW_WORDS);
  packRow(table, 1, { sequence: 1, position: 2, rope: 3, slot: 4, firstSlot: 5, endSlot: 6 });
  expect([...table]).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]);
});
