import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';

/** Words of a row's mark in `kernels/held-mark.wgsl`: position, score, rows newer than it, and when its slot was freed. */
export const HELD_WORDS = 4;

const FREE = 0xffffffff;
const NEXT = 0xfffffffe;

/**
 * Tables that a store keeps in turn. The step that feeds position `p` reads table `p % HELD_VERSIONS` and writes the
 * next one, so that steps that are thrown away leave the text's own table as it was; and so that the last step that
 * counts can be computed once more, when kernels are timed.
 */
export const HELD_VERSIONS = MAX_STEPS_IN_FLIGHT + 2;

/** A row of one KV head. */
export interface MarkedRow {
  readonly position: number;
  readonly score: number;
}

/** A row of one KV head, and where it lies. */
export interface SlotRow extends MarkedRow {
  readonly slot: number;
}

/**
 * A table `[slots, kvHeads]` of rows that follow each other.
 *
 * @param end       one past the slot of every head's newest row
 * @param heads     the rows of each, by ascending position
 * @param marksNext whether the slot `end` is where the next row goes
 */
export function packHeld(
  slots: number,
  end: number,
  heads: readonly (readonly MarkedRow[])[],
  marksNext: boolean,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(slots * heads.length * HELD_WORDS);
  const floats = new Float32Array(words.buffer);
  for (const [head, rows] of heads.entries()) {
    for (let slot = 0; slot < slots; slot++) {
      const at = (slot * heads.length + head) * HELD_WORDS;
      const row = rows[slot - (end - rows.length)];
      words[at] = row?.position ?? (marksNext && slot === end ? NEXT : FREE);
      floats[at + 1] = row?.score ?? 0;
      words[at + 2] = row ? end - slot : 0;
    }
  }
  return words;
}

/** The rows of each KV head, by ascending position, and the slot of each. */
export function unpackHeld(words: Uint32Array, kvHeads: number): readonly (readonly SlotRow[])[] {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const slots = words.length / HELD_WORDS / kvHeads;
  return Array.from({ length: kvHeads }, (_, head) =>
    Array.from({ length: slots }, (__, slot) => {
      const at = (slot * kvHeads + head) * HELD_WORDS;
      return { slot, position: words[at] ?? FREE, score: floats[at + 1] ?? 0 };
    })
      .filter(({ position }) => position < NEXT)
      .sort((a, b) => a.position - b.position),
  );
}
