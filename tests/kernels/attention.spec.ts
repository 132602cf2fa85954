import { runningIn } from '#platform';
import { describe, expect, inject, it } from 'vitest';
import { attend, type AttendParams } from '../../gpu/webgpu/kernels/attend.ts';
import { attendOnce } from '../../gpu/webgpu/kernels/attend-once.ts';
import { attendMany } from '../../gpu/webgpu/kernels/attend-many.ts';
import { toF16 } from '../../gpu/numbers/element-type.ts';
import { attend as cpuAttend } from '../support/attend.ts';
import { linearSlots, ringSlots, scratchSlots, slotOf } from '../../gpu/kv/slots.ts';
import { expectAllClose } from '../support/all-close.ts';
import { sampleOf } from '../support/samples.ts';
import { headShapes, positionOnly, randomFloats, rowsFrom, run, stored, within } from '../support/kernels.ts';

/** Each head shape compiles a kernel of its own: an odd group, and heads of any length. All of them at night. */
const someShapes = headShapes.filter(([, , headDim]) =>
  [64, 328].slice(0, sampleOf({ all: 2, node: 2, chromium: 1 })).includes(headDim),
);

// Scores are dot products of at most 256 terms; their softmax weighs values below 1.
const attentionTolerance = within(2e-5);

// The shape for software adapters, and that for GPUs. SwiftShader compiles the second for long, and lavapipe runs it, too.
describe.each(
  runningIn === 'node' || inject('samples') === 'all'
    ? [
        { kernel: attend, shapes: headShapes },
        { kernel: attendOnce, shapes: headShapes },
      ]
    : [
        { kernel: attend, shapes: headShapes },
        { kernel: attendOnce, shapes: someShapes },
      ],
)('$kernel.label', ({ kernel, shapes }) => {
  it.each(shapes)(
    'equals the twin with %i heads on %i KV heads of %i numbers, over few and many keys',
    async (...shape) => {
      const [heads, kvHeads, headDim] = shape;
      // A GPU's workgroups have one size; another one is for small tests of parts.
      for (const workgroup of kernel === attend ? [32, 128] : [128]) {
        for (const keys of [1, 2, 33, 131, 300]) {
          await compare({ kernel, heads, kvHeads, headDim, keys, workgroup });
        }
      }
    },
  );

  it('reads half-precision caches', () =>
    compare({ kernel, heads: 6, kvHeads: 2, headDim: 32, keys: 70, format: 'f16' }));

  it('sees only the window in a cache that holds only the window', async () => {
    for (const windowTokens of [1, 4, 40]) {
      await compare({
        kernel,
        heads: 4,
        kvHeads: 2,
        headDim: 16,
        keys: 90,
        windowTokens,
        ringRows: windowTokens + 8,
      });
    }
  });

  it('never sees its own position if the layer reads above, and is zero if it sees nothing', async () => {
    await compare({ kernel, heads: 4, kvHeads: 2, headDim: 16, keys: 50, diagonal: false });
    await compare({
      kernel,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      keys: 50,
      diagonal: false,
      windowTokens: 1,
      ringRows: 9,
    });
    const first = await compare({ kernel, heads: 4, kvHeads: 2, headDim: 16, keys: 1, diagonal: false });
    expect([...first]).toEqual([...new Float32Array(64)]);
  });

  it('takes many rows at once, each with its own keys', async () => {
    await compare({ kernel, heads: 6, kvHeads: 2, headDim: 32, keys: 45, rows: 45 });
    await compare({
      kernel,
      heads: 6,
      kvHeads: 2,
      headDim: 32,
      keys: 45,
      rows: 12,
      windowTokens: 7,
      ringRows: 0,
    });
  });

  it.each([Infinity, NaN])('gives no number for a key of %f, wherever it stands', async (poison) => {
    const [heads, kvHeads, headDim, count] = [6, 2, 32, 40];
    const rowSize = 2 * kvHeads * headDim;
    const q = randomFloats(heads * headDim);
    for (const key of [0, 17, count - 1]) {
      const kv = randomFloats(count * rowSize);
      // All numbers of the key, and none of the value.
      kv.fill(poison, key * rowSize, key * rowSize + rowSize / 2);
      const data = { q, kv, y: new Float32Array(q.length), rows: positionOnly(count - 1) };
      const y = await run(kernel, { ...plain, heads, kvHeads, headDim }, data, 'y');
      expect(new Float32Array(y), `key ${key}`).toEqual(new Float32Array(q.length).fill(NaN));
    }
  });

  it('splits the keys into parts whose maxima and sums make the whole', async () => {
    const [heads, kvHeads, headDim] = [6, 2, 16];
    const size = heads * headDim;
    for (const keys of [1, 20, 100, 300]) {
      const q = randomFloats(size, 2);
      const cache = randomFloats(keys * 2 * kvHeads * headDim);
      const params = {
        heads,
        kvHeads,
        headDim,
        format: 'f32',
        diagonal: true,
        windowed: false,
        splits: 3,
        mostSplits: 3,
        workgroup: 32,
      } as const;
      const output = new Float32Array(3 * (size + 4 * heads));
      const parts = new Float32Array(
        await run(kernel, params, { q, kv: cache, y: output, rows: positionOnly(keys - 1) }, 'y'),
      );
      const expected = cpuAttend(
        q,
        keys - 1,
        { windowTokens: Infinity, diagonal: true },
        { kvHeads, headDim },
        (position, part, into) => {
          const start = (2 * position + part) * kvHeads * headDim;
          into.set(cache.subarray(start, start + into.length));
        },
      );
      const merged = expected.map((_, i) => {
        const head = Math.floor(i / headDim);
        const stats = [0, 1, 2].map((split) => parts.subarray(3 * size + (split * heads + head) * 4));
        const most = Math.max(...stats.map(([max = 0]) => max));
        const weights = stats.map(([max = 0, sum = 0]) => sum * Math.exp(max - most));
        const total = weights.reduce((a, b) => a + b, 0);
        return weights.reduce(
          (sum, weight, split) => sum + (weight / total) * (parts[split * size + i] ?? 0),
          0,
        );
      });
      expectAllClose(merged, expected, attentionTolerance, `${keys} keys, number`);
    }
  });
});

/** Not where SwiftShader compiles for half a minute what lavapipe runs, too. */
const itInNode = it.runIf(runningIn === 'node' || inject('samples') === 'all');

describe('attend-many', () => {
  it.each(inject('samples') === 'all' ? headShapes : someShapes)(
    'equals the twin with %i heads on %i KV heads of %i numbers, over few and many rows',
    async (...shape) => {
      const [heads, kvHeads, headDim] = shape;
      // One row, a part of a tile, tiles and one row more; from the first key on, and after more keys than a tile has.
      for (const [keys, rows] of [
        [1, 1],
        [5, 5],
        [65, 65],
        [150, 33],
      ] as const) {
        await compare({ kernel: attendMany, heads, kvHeads, headDim, keys, rows });
      }
    },
  );

  itInNode('reads half-precision caches', () =>
    compare({ kernel: attendMany, heads: 6, kvHeads: 2, headDim: 32, keys: 70, rows: 40, format: 'f16' }),
  );

  itInNode('sees only the window, and never its own position if the layer reads above', async () => {
    const one = { kernel: attendMany, heads: 6, kvHeads: 2, headDim: 32, keys: 110, rows: 70 } as const;
    for (const windowTokens of [7, 60]) await compare({ ...one, windowTokens, ringRows: 0 });
    await compare({ ...one, diagonal: false, windowTokens: 7, ringRows: 0 });
    await compare({ ...one, diagonal: false });
  });

  it('is zero where it sees nothing', async () => {
    const first = await compare({
      kernel: attendMany,
      ...{ heads: 6, kvHeads: 2, headDim: 32, keys: 20, rows: 20, diagonal: false },
    });
    expect([...first.subarray(0, 192)]).toEqual([...new Float32Array(192)]);
  });

  it('keeps what a query must not see out of it, whatever it is', async () => {
    // An infinite value at the last position: every earlier row of the same tile stays as it is.
    const [heads, kvHeads, headDim, count] = [6, 2, 32, 20];
    const [size, rowSize] = [heads * headDim, 2 * kvHeads * headDim];
    const q = randomFloats(count * size);
    const kv = randomFloats(count * rowSize);
    const data = { q, kv, y: new Float32Array(q.length), rows: rowsFrom(linearSlots(count), 0, count) };
    const params = { ...plain, heads, kvHeads, headDim };
    const before = await run(attendMany, params, data, 'y', { rows: count });
    const poisoned = kv.slice();
    poisoned.fill(Infinity, (count - 1) * rowSize);
    const after = await run(attendMany, params, { ...data, kv: poisoned }, 'y', { rows: count });
    const earlier = (result: ArrayBuffer) => [...new Float32Array(result).subarray(0, (count - 1) * size)];
    expect(earlier(after)).toEqual(earlier(before));
    expect(new Float32Array(after).at(-1)).toBeNaN();
  });
});

const plain: Omit<AttendParams, 'heads' | 'kvHeads' | 'headDim'> = {
  ...{ format: 'f32', diagonal: true, windowed: false },
  ...{ splits: 1, mostSplits: 1, workgroup: 32 },
};

interface Case {
  readonly kernel?: typeof attend;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly keys: number;
  readonly rows?: number;
  readonly workgroup?: number;
  readonly format?: 'f32' | 'f16';
  readonly diagonal?: boolean;
  readonly windowTokens?: number;
  /** 0: the scratch store of a prefill, which begins within the text. */
  readonly ringRows?: number;
}

/** Attends from the last rows of a text with this many keys, on the GPU and with its twin. */
async function compare({ heads, kvHeads, headDim, keys, ...options }: Case): Promise<Float32Array> {
  const {
    kernel = attend,
    rows = 1,
    workgroup = 64,
    format = 'f32',
    diagonal = true,
    windowTokens,
    ringRows,
  } = options;
  const position = keys - rows;
  const rowSize = 2 * kvHeads * headDim;
  const text = stored(randomFloats(keys * rowSize, 2), format);
  const q = randomFloats(rows * heads * headDim, 2);

  // Rows that must not be read hold NaN.
  const firstKept = ringRows === 0 ? Math.max(0, position - (windowTokens ?? 0) + 1) : 0;
  const layout = ringRows ? ringSlots(ringRows) : scratchSlots(keys - firstKept, firstKept);
  const cache = new Float32Array(layout.slots * rowSize).fill(NaN);
  for (let p = Math.max(firstKept, ringRows ? keys - ringRows : 0); p < keys; p++) {
    cache.set(text.values.subarray(p * rowSize, (p + 1) * rowSize), slotOf(layout, p) * rowSize);
  }

  const got = await run(
    kernel,
    {
      ...{ heads, kvHeads, headDim, format, diagonal, workgroup },
      windowed: windowTokens !== undefined,
      splits: 1,
      mostSplits: 1,
    },
    {
      q,
      kv: format === 'f16' ? toF16(cache) : cache,
      y: new Float32Array(q.length).fill(NaN),
      rows: rowsFrom(layout, position, rows),
    },
    'y',
    { rows, windowTokens: windowTokens ?? 1 },
  );

  const size = heads * headDim;
  const expected = Array.from({ length: rows }, (_, row) =>
    cpuAttend(
      q.subarray(row * size, (row + 1) * size),
      position + row,
      { windowTokens: windowTokens ?? Infinity, diagonal },
      { kvHeads, headDim },
      (p, part, into) => {
        const start = p * rowSize + part * into.length;
        into.set(text.values.subarray(start, start + into.length));
      },
    ),
  );
  const flat = expected.flatMap((row) => [...row]);
  expectAllClose(
    new Float32Array(got),
    flat,
    attentionTolerance,
    `${heads}/${kvHeads}/${headDim}, ${keys} keys,`,
  );
  return new Float32Array(got);
}
