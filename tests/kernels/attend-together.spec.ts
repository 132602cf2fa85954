import { describe, expect, it } from 'vitest';
import { padded } from '../../gpu/numbers/panels.ts';
import {
  attendRows,
  headsBytes,
  scoredHeads,
  scoreStrideOf,
  tableBytes,
  type Run,
} from '../../gpu/wasm/attend-rows.ts';
import { compileKernels, instructionsHere } from '../../gpu/wasm/kernels.ts';
import { LinearMemory } from '../../gpu/wasm/linear-memory.ts';
import { Team } from '../../gpu/wasm/threads/team.ts';
import { Threads } from '../../gpu/wasm/threads/threads.ts';
import { headShapes, randomFloats, stored } from '../support/kernels.ts';
import { tinyDims } from '../support/random-model.ts';

/** What each row of a block sees, as runs of slots: `[first, rows]`. */
const blocks: Readonly<Record<string, readonly (readonly (readonly [number, number])[])[]>> = {
  'neighbors at the beginning': Array.from({ length: 9 }, (_, i) => [[0, i + 1]]),
  'neighbors without their own position': Array.from({ length: 5 }, (_, i) => (i === 0 ? [] : [[0, i]])),
  'more keys than are widened at once': Array.from({ length: 16 }, (_, i) => [[0, 90 + i]]),
  'a window that moves': Array.from({ length: 13 }, (_, i) => [[i + 3, 41]]),
  'older rows and new ones': Array.from({ length: 8 }, (_, i) => [
    [0, 37],
    [50, i + 1],
  ]),
  'a window that moves out of a ring': Array.from({ length: 10 }, (_, i) => [
    [60 + i, 20 - i],
    [0, 5],
    [90, i + 1],
  ]),
  'rows of texts that share nothing': [[[0, 20]], [[60, 25]], [[1, 20]], [[59, 26]]],
  'one row': [[[5, 50]]],
};

describe.each(instructionsHere())('Rows that attend together in WebAssembly with %s', (instructions) => {
  const compiled = compileKernels(instructions);

  describe.each(['f16', 'f32'] as const)('over rows in %s', (type) => {
    it.each([...headShapes, [4, 2, 10] as const])(
      'get what each gets alone, to the bit, with %i heads on %i KV heads of %i numbers',
      async (heads, kvHeads, headDim) => {
        const memory = new LinearMemory();
        const team = new Team(memory, await compiled, new Threads(1, null));
        const dims = { ...tinyDims, heads, kvHeads, headDim };
        const [slots, half] = [120, type === 'f16'];
        const rowBytes = 2 * kvHeads * headDim * (half ? 2 : 4);
        const { data } = stored(randomFloats(slots * 2 * kvHeads * headDim, 2), type);
        const kv = memory.allocate('kv', slots * rowBytes + 16);
        memory.bytes(kv, slots * rowBytes).set(new Uint8Array(data.buffer, 0, slots * rowBytes));
        const scratch = {
          table: memory.allocate('table', tableBytes(16)),
          scores: memory.allocate('scores', scoredHeads(dims) * scoreStrideOf(slots)),
          widened: memory.allocate('widened', headsBytes(headDim)),
          stride: scoreStrideOf(slots),
          rowBytes,
          half,
        };
        const rowNumbers = padded(heads * headDim);
        const [q, together, alone] = ['q', 'together', 'alone'].map((what) =>
          memory.allocate(what, 4 * rowNumbers * 16),
        ) as [number, number, number];
        memory.floats(q, rowNumbers * 16).set(randomFloats(rowNumbers * 16, 2));
        for (const [what, rows] of Object.entries(blocks)) {
          const rowsInto = (into: number) =>
            rows.map((runs, i) => ({
              q: q + 4 * rowNumbers * i,
              into: into + 4 * rowNumbers * i,
              runs: runs.map(([first, count]): Run => ({ address: kv + first * rowBytes, rows: count })),
            }));
          for (const into of [together, alone]) memory.clear(into, 4 * rowNumbers * 16);
          attendRows(memory, team, dims, scratch, rowsInto(together));
          for (const row of rowsInto(alone)) attendRows(memory, team, dims, scratch, [row]);
          const numbers = (at: number) => [...memory.floats(at, rowNumbers * rows.length)];
          expect(numbers(together), what).toEqual(numbers(alone));
          expect(numbers(together).some((value) => value !== 0)).toBe(true);
        }
      },
    );

    it.each([...headShapes, [2, 1, 126] as const])(
      'write nothing beyond their room if a key is not a number, with %i heads on %i KV heads of %i numbers',
      async (heads, kvHeads, headDim) => {
        const memory = new LinearMemory();
        const team = new Team(memory, await compiled, new Threads(1, null));
        const dims = { ...tinyDims, heads, kvHeads, headDim };
        const [slots, half, numbers] = [40, type === 'f16', kvHeads * headDim];
        const rowBytes = 2 * numbers * (half ? 2 : 4);
        const rows = randomFloats(slots * 2 * numbers, 2);
        rows[2 * numbers * 7] = NaN;
        const kv = memory.allocate('kv', slots * rowBytes + 16);
        memory.bytes(kv, slots * rowBytes).set(new Uint8Array(stored(rows, type).data.buffer));
        const room = memory.allocate('widened', 3 * headsBytes(headDim));
        const scratch = {
          table: memory.allocate('table', tableBytes(2)),
          scores: memory.allocate('scores', scoredHeads(dims) * scoreStrideOf(slots)),
          ...{ widened: room + headsBytes(headDim), stride: scoreStrideOf(slots), rowBytes, half },
        };
        const [q, into] = ['q', 'into'].map((what) => memory.allocate(what, 8 * padded(heads * headDim)));
        memory.floats(q ?? 0, heads * headDim).set(randomFloats(heads * headDim, 2));
        const row = (rows: number) => ({ q: q ?? 0, into: into ?? 0, runs: [{ address: kv, rows }] });
        const around = () => [
          ...memory.bytes(room, headsBytes(headDim)),
          ...memory.bytes(room + 2 * headsBytes(headDim), headsBytes(headDim)),
        ];
        for (const rows of [[row(slots)], [row(slots), row(slots - 1)]]) {
          attendRows(memory, team, dims, scratch, rows);
          expect(around().every((byte) => byte === 0)).toBe(true);
          // What reads that key's head becomes NaN, and nothing else.
          const written = [...memory.floats(into ?? 0, heads * headDim)];
          expect(written.some(Number.isNaN)).toBe(true);
          expect(written.slice((heads / kvHeads) * headDim).every(Number.isFinite)).toBe(true);
        }
      },
    );
  });
});
