import { describe, expect, it } from 'vitest';
import { attendHead } from '../../gpu/reference/attention.ts';
import { LessState } from '../../gpu/reference/less-state.ts';
import { HELD_WORDS, packHeld } from '../../gpu/webgpu/held-table.ts';
import { absorbRow, absorbRows, featuresOfRows, recall } from '../../gpu/webgpu/kernels/less.ts';
import { expectAllClose } from '../support/all-close.ts';
import { sharingOf } from '../support/arbitrary-plans.ts';
import { joined, randomFloats, rowTable, run, stored, within } from '../support/kernels.ts';
import { randomKernels } from '../support/random-kernels.ts';

// erf within 1.5e-7, and exp and log within a few ulp, over sums of a few hundred products.
const tolerance = within(1e-4);
const NO_SLOT = 0xffffffff;
const workgroup = 32;

/** heads, kvHeads, headDim, hidden, rank: one of each, sizes that fill no workgroup, and more than one workgroup. */
const shapes = [
  { heads: 1, kvHeads: 1, headDim: 8, hidden: 1, rank: 1 },
  { heads: 6, kvHeads: 2, headDim: 24, hidden: 33, rank: 5 },
  { heads: 2, kvHeads: 2, headDim: 328, hidden: 67, rank: 40 },
] as const;

type Shape = (typeof shapes)[number];

function kernelsFor(shape: Shape) {
  const kernels = randomKernels(sharingOf('0'), shape, shape);
  const [phi, psi] = [kernels.phi.get(0), kernels.psi.get(0)];
  if (!phi || !psi) throw new Error('the only layer has both kernels');
  return { kernels, phi, psi };
}

/** Rows of a store, as a kernel reads them, and as the twin does. */
function storeOf({ kvHeads, headDim }: Shape, slots: number, format: 'f16' | 'f32') {
  const { data, values } = stored(randomFloats(slots * 2 * kvHeads * headDim), format);
  const head = (slot: number, part: number, kvHead: number) => {
    const at = ((slot * 2 + part) * kvHeads + kvHead) * headDim;
    return values.slice(at, at + headDim);
  };
  const rowAt = (slot: number, kvHead: number) => ({
    position: slot,
    key: head(slot, 0, kvHead),
    value: head(slot, 1, kvHead),
    score: 0,
  });
  return { data, rowAt };
}

/** As the GPU keeps it: `[kvHeads, (rank, (rank, headDim))]`. */
const packed = (state: LessState) =>
  joined(state.heads.flatMap(({ features, values }) => [features, values]));

describe('LESS on the GPU', () => {
  it('mixes what it recalls into the attention of every row, also where a row sees nothing', async () => {
    for (const shape of shapes) {
      const { heads, kvHeads, headDim } = shape;
      const { kernels, phi, psi } = kernelsFor(shape);
      const store = storeOf(shape, 9, 'f32');
      const state = new LessState(kernels, psi, shape);
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        state.absorb(
          kvHead,
          [4, 5, 6].map((slot) => store.rowAt(slot, kvHead)),
        );
      }
      const rows = 3;
      const q = randomFloats(rows * heads * headDim);
      const width = heads * headDim;
      const y = new Float32Array(rows * width + 4 * rows * heads);
      const expected = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++) {
        for (let head = 0; head < heads; head++) {
          const at = row * width + head * headDim;
          const kvHead = Math.floor((head * kvHeads) / heads);
          const query = q.subarray(at, at + headDim);
          // The last row sees nothing.
          const seen = row === 2 ? [] : [0, 1, 2].slice(0, row + 1).map((slot) => store.rowAt(slot, kvHead));
          const [keys, values] = [seen.map(({ key }) => key), seen.map(({ value }) => value)];
          const { output, scores } = attendHead(query, keys, values);
          y.set(output, at);
          const most = scores.reduce((a, b) => Math.max(a, b), -1e30);
          const sum = scores.reduce((total, score) => total + Math.exp(score - most), 0);
          y.set([most, sum], rows * width + 4 * (row * heads + head));
          const recalled = state.recall(phi, head, kvHead, query);
          expected.set(attendHead(query, keys, values, recalled).output, at);
        }
      }
      const table = rowTable(
        Array.from({ length: rows }, (_, position) => {
          return { sequence: 0, position, rope: position, slot: 0, firstSlot: 0, endSlot: 3 };
        }),
      );
      const got = await run(
        recall,
        { ...shape, format: 'f32', workgroup, splits: 1, versions: 1 },
        { weights: joined([phi.w1, phi.w2]), q, state: packed(state), y, rows: table },
        'y',
        { rows },
      );
      expectAllClose(new Float32Array(got).subarray(0, rows * width), expected, tolerance);
    }
  });

  it('adds the row that a step let go, in any slot, and nothing if none went', async () => {
    const slots = 70;
    const versions = 3;
    for (const [i, shape] of shapes.entries()) {
      const format = i === 1 ? 'f32' : 'f16';
      for (const gone of [0, 37, 69, null]) {
        const { kvHeads, rank, headDim } = shape;
        const { kernels, psi } = kernelsFor(shape);
        const store = storeOf(shape, slots, format);
        const state = new LessState(kernels, psi, shape);
        const before = packed(state).map((_, at) => Math.fround(at / 7));
        const textTokens = 40;
        const held = new Uint32Array(versions * slots * kvHeads * HELD_WORDS);
        const after = packHeld(
          slots,
          0,
          Array.from({ length: kvHeads }, () => []),
          false,
        );
        for (let kvHead = 0; kvHead < kvHeads && gone !== null; kvHead++) {
          after[(gone * kvHeads + kvHead) * HELD_WORDS + 3] = textTokens;
          state.absorb(kvHead, [store.rowAt(gone, kvHead)]);
        }
        // The step reads the last version and writes the first.
        held.set(after);
        const size = kvHeads * rank * (headDim + 1);
        const states = new Float32Array(versions * size);
        states.set(before, 2 * size);
        const row = {
          sequence: 0,
          position: textTokens - 1,
          rope: 0,
          slot: 0,
          firstSlot: 2 * slots,
          endSlot: 3 * slots,
        };
        const got = await run(
          absorbRow,
          { ...shape, format, workgroup, versions, stride: 0 },
          {
            weights: joined([psi.w1, psi.w2, psi.w3]),
            kv: store.data,
            held,
            state: states,
            rows: rowTable([row]),
          },
          'state',
        );
        const added = packed(state);
        const expected = before.map((number, at) => number + (added[at] ?? 0));
        expectAllClose(new Float32Array(got).subarray(0, size), expected, tolerance);
        expect([...new Float32Array(got).subarray(2 * size)]).toEqual([...before]);
      }
    }
  });

  it('adds the rows that a prompt lets go, fewer in some KV heads', async () => {
    for (const shape of shapes) {
      for (const count of [1, 31, 100]) {
        const { kvHeads, rank, headDim } = shape;
        const { kernels, psi } = kernelsFor(shape);
        const store = storeOf(shape, count + 5, 'f16');
        const state = new LessState(kernels, psi, shape);
        const lists = Array.from({ length: kvHeads }, (_, kvHead) =>
          Array.from(
            { length: count - Math.min(kvHead, count - 1) },
            (__, i) => (i * 3 + kvHead) % (count + 5),
          ),
        );
        for (const [kvHead, list] of lists.entries()) {
          state.absorb(
            kvHead,
            list.map((slot) => store.rowAt(slot, kvHead)),
          );
        }
        const slots = Uint32Array.from(
          { length: count * kvHeads },
          (_, i) => lists[i % kvHeads]?.[Math.floor(i / kvHeads)] ?? NO_SLOT,
        );
        const params = { ...shape, format: 'f16', workgroup, count } as const;
        const found = new Float32Array(
          await run(
            featuresOfRows,
            params,
            {
              weights: joined([psi.w1, psi.w2, psi.w3]),
              kv: store.data,
              slots,
              found: new Float32Array(count * kvHeads * rank),
            },
            'found',
          ),
        );
        const size = kvHeads * rank * (headDim + 1);
        const states = new Float32Array(2 * size).fill(0.5, size);
        const got = await run(
          absorbRows,
          { ...params, before: 1, after: 0 },
          { found, kv: store.data, slots, state: states },
          'state',
        );
        const expected = packed(state).map((number) => number + 0.5);
        expectAllClose(new Float32Array(got).subarray(0, size), expected, tolerance);
      }
    }
  });
});
