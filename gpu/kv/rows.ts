import { slotOf, type SlotLayout } from './slots.ts';

/**
 * One query of a dispatch. Position, rope and slot are three numbers, which differ under a policy, in a ring or in a
 * batch. There is one row per kind of store, because only the slots differ between the kinds.
 */
export interface Row {
  /** Which text of the batch. */
  readonly sequence: number;
  /** In its text, from 0: what the mask, the noise and the sampler see. */
  readonly position: number;
  /** Which angle rotates its query and its key. */
  readonly rope: number;
  /** Where its own key and value go. */
  readonly slot: number;
  /** The first slot of its sequence in the store. */
  readonly firstSlot: number;
  /** One past the last slot that it may see. */
  readonly endSlot: number;
}

/** 32-bit words of a row in a kernel's table: the fields in the order of the interface. */
export const ROW_WORDS = 6;

/** Keys are cached rotated by their absolute position, so the angle of a row is its position. */
export const ropeOf = (position: number): number => position;

/** The row of a position in a store with this layout. */
export function rowAt(layout: SlotLayout, position: number, sequence = 0): Row {
  const slot = slotOf(layout, position);
  return {
    sequence,
    position,
    rope: ropeOf(position),
    slot,
    firstSlot: layout.firstSlot,
    endSlot: layout.kind === 'ring' ? layout.firstSlot + layout.slots : slot + 1,
  };
}

/** Writes a row into a table, as `webgpu/kernels/rows.wgsl` reads it. */
export function packRow(table: Uint32Array, index: number, row: Row): void {
  const { sequence, position, rope, slot, firstSlot, endSlot } = row;
  table.set([sequence, position, rope, slot, firstSlot, endSlot], index * ROW_WORDS);
}
