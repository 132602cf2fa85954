/**
 * Position → slot: the one place where a position of a text becomes a row of memory. Kernels do not repeat it: they get
 * a row's own slot from the host and count back from there (`webgpu/kernels/rows.wgsl`).
 */

/**
 * How the rows of a store lie in memory.
 *
 * - `linear`: every position has a slot of its own;
 * - `ring`: the newest positions, over and over in the same slots;
 * - `scratch`: a prompt's rows, and the rows before it that its first row sees. They live as long as the prefill;
 * - `evicting`: where a policy left room. Only the KV head's own table of positions says which row lies where.
 */
export type SlotKind = 'linear' | 'ring' | 'scratch' | 'evicting';

export interface SlotLayout {
  readonly kind: SlotKind;
  /** Slots that the layout has. */
  readonly slots: number;
  /** The position in the first slot. Only a scratch layout begins within the text. */
  readonly firstPosition: number;
  /** Where the slots begin in a memory that several texts may share. */
  readonly firstSlot: number;
}

const fromTheStart = { firstPosition: 0, firstSlot: 0 } as const;

export const linearSlots = (slots: number): SlotLayout => ({ kind: 'linear', slots, ...fromTheStart });
export const ringSlots = (slots: number): SlotLayout => ({ kind: 'ring', slots, ...fromTheStart });
export const evictingSlots = (slots: number): SlotLayout => ({ kind: 'evicting', slots, ...fromTheStart });
export const scratchSlots = (slots: number, firstPosition: number): SlotLayout => ({
  kind: 'scratch',
  slots,
  firstPosition,
  firstSlot: 0,
});

/** The slot of a position. The cache knows whether its row is still there. */
export const slotOf = ({ kind, slots, firstPosition, firstSlot }: SlotLayout, position: number): number =>
  firstSlot + (kind === 'ring' ? position % slots : position - firstPosition);

/** Neighboring slots. */
export interface SlotRun {
  readonly slot: number;
  readonly rows: number;
}

/** Where the positions `[from, to)` lie: one run, or the two ends of a ring. */
export function slotRuns(layout: SlotLayout, from: number, to: number): readonly SlotRun[] {
  const runs: SlotRun[] = [];
  for (let position = from; position < to;) {
    const slot = slotOf(layout, position);
    const rows = Math.min(layout.firstSlot + layout.slots - slot, to - position);
    runs.push({ slot, rows });
    position += rows;
  }
  return runs;
}
