import { describe, expect, it } from 'vitest';
import { visibleKeys } from '../../gpu/kv/mask.ts';
import { linearSlots, ringSlots, slotOf } from '../../gpu/kv/slots.ts';
import { rotate } from '../../gpu/reference/math.ts';
import { attendHead } from '../../gpu/reference/attention.ts';
import { ropeTable } from '../../gpu/plan/rope.ts';
import { packHeld } from '../../gpu/webgpu/held-table.ts';
import { SEEN_WORDS, seenHeldScores, seenScores, UNSEEN } from '../../gpu/webgpu/kernels/seen-scores.ts';
import { expectAllClose } from '../support/all-close.ts';
import { headShapes, randomFloats, rowsFrom, rowTable, run, stored, within } from '../support/kernels.ts';

// Scores are dot products of at most 328 terms.
const tolerance = within(2e-5);
const nothing = new Float32Array(4);

interface Case {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly keys: number;
  readonly format?: 'f16' | 'f32';
  readonly windowTokens?: number;
  readonly diagonal?: boolean;
}

/** Asks for the second row of a step of two, and compares with the oracle's attention. */
async function compare({ heads, kvHeads, headDim, keys, format = 'f32', ...mask }: Case) {
  const { windowTokens = Infinity, diagonal = true } = mask;
  const position = keys - 1;
  const layout = windowTokens < Infinity ? ringSlots(windowTokens + 3) : linearSlots(keys);
  const rowSize = 2 * kvHeads * headDim;
  const { data, values } = stored(randomFloats(layout.slots * rowSize), format);
  const q = randomFloats(2 * heads * headDim, 2);
  const room = keys + 2;
  const output = new Uint32Array(SEEN_WORDS * heads * room);
  const rows = rowsFrom(layout, Math.max(0, position - 1), 2);
  const table = position === 0 ? rowsFrom(layout, 0, 1) : rows;
  const row = position === 0 ? 0 : 1;
  const params = {
    ...{ heads, kvHeads, headDim, format, diagonal, row },
    ...{ windowed: windowTokens < Infinity, workgroup: 32, keys: room },
  };
  const words = new Uint32Array(
    await run(
      seenScores,
      params,
      { q, kv: data, seen: output, rows: table, held: nothing, rope: nothing },
      'seen',
      { rows: row + 1, windowTokens: Math.min(windowTokens, 1000) },
    ),
  );
  const floats = new Float32Array(words.buffer);
  const { from, to } = visibleKeys(position, { windowTokens, diagonal });
  const seen = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const keysSeen = seen.map((key) => {
      const at = slotOf(layout, key) * rowSize + kvHead * headDim;
      return values.subarray(at, at + headDim);
    });
    const at = (row * heads + head) * headDim;
    const { scores } = attendHead(q.subarray(at, at + headDim), keysSeen, keysSeen);
    const got = Array.from({ length: room }, (_, i) => SEEN_WORDS * (head * room + i));
    expect(got.map((i) => words[i]).filter((found) => found !== UNSEEN)).toEqual(seen);
    expectAllClose(
      got.filter((i) => words[i] !== UNSEEN).map((i) => floats[i + 1] ?? NaN),
      scores,
      tolerance,
      `head ${head}, key`,
    );
  }
}

describe('seen-scores', () => {
  it.each(headShapes)('equals the twin with %i heads on %i KV heads of %i numbers', async (...shape) => {
    const [heads, kvHeads, headDim] = shape;
    for (const keys of [1, 31, 33, 67]) await compare({ heads, kvHeads, headDim, keys });
  });

  it('reads half-precision caches, sees only the window, and not its own position if it reads above', async () => {
    const shape = { heads: 6, kvHeads: 2, headDim: 32 };
    await compare({ ...shape, keys: 40, format: 'f16' });
    await compare({ ...shape, keys: 40, windowTokens: 7 });
    await compare({ ...shape, keys: 40, diagonal: false });
    await compare({ ...shape, keys: 1, diagonal: false });
  });

  it('turns keys by their ranks, and leaves out free slots and rows that the window has passed', async () => {
    const [heads, kvHeads, headDim, slots] = [4, 2, 16, 5];
    // The KV heads hold different rows; a head that holds fewer leaves the first slots free.
    const held = [
      [3, 6, 7, 9],
      [7, 8, 9],
    ];
    const { data, values } = stored(randomFloats(slots * 2 * kvHeads * headDim), 'f32');
    const q = randomFloats(heads * headDim);
    const angles = ropeTable({ type: 'default', theta: 10000 }, headDim, slots);
    const tables = held.map((positions) =>
      positions.map((position, i) => ({ slot: slots - positions.length + i, position, score: 0 })),
    );
    const position = 9;
    const row = { sequence: 0, position, rope: 4, slot: 4, firstSlot: 0, endSlot: slots };
    const words = new Uint32Array(
      await run(
        seenHeldScores,
        {
          ...{ heads, kvHeads, headDim, format: 'f32', diagonal: false, windowed: true, ranked: true },
          ...{ workgroup: 32, row: 0, keys: slots },
        },
        {
          q,
          kv: data,
          seen: new Uint32Array(SEEN_WORDS * heads * slots),
          rows: rowTable([row]),
          held: packHeld(slots, slots, tables, false),
          rope: angles,
        },
        'seen',
        { windowTokens: 4 },
      ),
    );
    const floats = new Float32Array(words.buffer);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const seen = (tables[kvHead] ?? []).filter((each) => each.position >= 6 && each.position < 9);
      const query = q.subarray(head * headDim, (head + 1) * headDim);
      const keys = seen.map(({ slot }) => {
        const at = slot * 2 * kvHeads * headDim + kvHead * headDim;
        const key = values.slice(at, at + headDim);
        rotate(key, angles.subarray(slot * headDim, (slot + 1) * headDim));
        return key;
      });
      const { scores } = attendHead(query, keys, keys);
      const got = Array.from({ length: slots }, (_, i) => SEEN_WORDS * (head * slots + i)).filter(
        (i) => words[i] !== UNSEEN,
      );
      expect(got.map((i) => words[i])).toEqual(seen.map((each) => each.position));
      expectAllClose(
        got.map((i) => floats[i + 1] ?? NaN),
        scores,
        tolerance,
        `head ${head}, key`,
      );
    }
  });
});
