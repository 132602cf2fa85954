import { describe, expect, it } from 'vitest';
import { attend } from '../../gpu/kernels/attend.ts';
import { copyRows } from '../../gpu/kernels/copy-rows.ts';
import type { HeadsParams } from '../../gpu/kernels/heads.ts';
import { placeHeads } from '../../gpu/kernels/place-heads.ts';
import { projectHeads } from '../../gpu/kernels/project-heads.ts';
import { toF16 } from '../../gpu/plan/element-type.ts';
import { ropeTable } from '../../gpu/plan/rope.ts';
import { attend as cpuAttend } from '../../gpu/reference/attend.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { expectAllClose } from '../support/all-close.ts';
import { halfToFloat, randomFloats, run, stored, within } from '../support/kernels.ts';

/** heads, kvHeads, headDim: one head, MHA, GQA, more query heads than a workgroup takes, long heads, odd groups. */
const headShapes = [
  [1, 1, 8],
  [3, 3, 24],
  [6, 2, 32],
  [12, 1, 16],
  [10, 2, 64],
  [2, 1, 128],
  [2, 2, 256],
] as const;

// Scores are dot products of at most 256 terms; their softmax weighs values below 1.
const attentionTolerance = within(2e-5);

describe('attend', () => {
  it.each(headShapes)(
    'equals the twin with %i heads on %i of %i numbers, over few and many keys',
    async (...shape) => {
      const [heads, kvHeads, headDim] = shape;
      for (const keys of [1, 2, 33, 131]) {
        for (const workgroup of [32, 64, 128]) {
          if (4 * workgroup < headDim) continue;
          await compare({ heads, kvHeads, headDim, keys, workgroup });
        }
      }
    },
  );

  it('reads half-precision caches', () =>
    compare({ heads: 6, kvHeads: 2, headDim: 32, keys: 70, format: 'f16' }));

  it('sees only the window, in a cache that keeps only the window', async () => {
    for (const windowTokens of [1, 4, 40]) {
      await compare({
        heads: 4,
        kvHeads: 2,
        headDim: 16,
        keys: 90,
        windowTokens,
        ringRows: windowTokens + 8,
      });
    }
  });

  it('never sees its own position where the layer reads above, and is zero where it sees nothing', async () => {
    await compare({ heads: 4, kvHeads: 2, headDim: 16, keys: 50, diagonal: false });
    await compare({
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      keys: 50,
      diagonal: false,
      windowTokens: 1,
      ringRows: 9,
    });
    const first = await compare({ heads: 4, kvHeads: 2, headDim: 16, keys: 1, diagonal: false });
    expect([...first]).toEqual([...new Float32Array(64)]);
  });

  it('takes many rows at once, each with its own keys', async () => {
    await compare({ heads: 6, kvHeads: 2, headDim: 32, keys: 45, rows: 45 });
    await compare({ heads: 6, kvHeads: 2, headDim: 32, keys: 45, rows: 12, windowTokens: 7, ringRows: 0 });
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
        slots: 'linear',
        diagonal: true,
        windowed: false,
        splits: 3,
        workgroup: 32,
      } as const;
      const output = new Float32Array(3 * (size + 4 * heads));
      const parts = new Float32Array(
        await run(attend, params, { q, kv: cache, y: output }, 'y', { position: keys - 1 }),
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

interface Case {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly keys: number;
  readonly rows?: number;
  readonly workgroup?: number;
  readonly format?: 'f32' | 'f16';
  readonly diagonal?: boolean;
  readonly windowTokens?: number;
  /** 0: a prefill's scratch cache that begins within the text. */
  readonly ringRows?: number;
}

/** Attends from the last rows of a text of so many keys, on the GPU and by its twin. */
async function compare({ heads, kvHeads, headDim, keys, ...options }: Case): Promise<Float32Array> {
  const { rows = 1, workgroup = 64, format = 'f32', diagonal = true, windowTokens, ringRows } = options;
  const position = keys - rows;
  const rowSize = 2 * kvHeads * headDim;
  const text = stored(randomFloats(keys * rowSize, 2), format);
  const q = randomFloats(rows * heads * headDim, 2);

  // What lies where: rows that must not be read hold NaN.
  const scratchBase = ringRows === 0 ? Math.max(0, position - (windowTokens ?? 0) + 1) : 0;
  const slotOf = (p: number) => (ringRows ? p % ringRows : p - scratchBase);
  const slots = ringRows === undefined ? 'linear' : ringRows === 0 ? 'scratch' : 'ring';
  const cache = new Float32Array((ringRows || keys - scratchBase) * rowSize).fill(NaN);
  for (let p = Math.max(scratchBase, ringRows ? keys - ringRows : 0); p < keys; p++) {
    cache.set(text.values.subarray(p * rowSize, (p + 1) * rowSize), slotOf(p) * rowSize);
  }

  const got = await run(
    attend,
    {
      ...{ heads, kvHeads, headDim, format, slots, diagonal, workgroup },
      windowed: windowTokens !== undefined,
      splits: 1,
    },
    { q, kv: format === 'f16' ? toF16(cache) : cache, y: new Float32Array(q.length).fill(NaN) },
    'y',
    { position, rows, windowTokens: windowTokens ?? 1, ringRows: ringRows || 1, scratchBase },
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

describe('project-heads and place-heads', () => {
  it.each([1, 4, 32])(
    'finish queries, and keys and values into a cache row, with %i lanes',
    async (lanes) => {
      for (const [heads, kvHeads, headDim] of headShapes) {
        for (const normed of [false, true]) {
          await compareHeads({
            rowHeads: heads,
            rotatedHeads: heads,
            headDim,
            normed,
            lanes,
            to: { kind: 'rows' },
          });
          for (const format of ['f32', 'f16'] as const) {
            await compareHeads({
              ...{ rowHeads: 2 * kvHeads, rotatedHeads: kvHeads, headDim, normed, lanes },
              to: { kind: 'cache', format, slots: 'ring' },
            });
          }
        }
      }
    },
  );
});

interface HeadsCase {
  readonly rowHeads: number;
  readonly rotatedHeads: number;
  readonly headDim: number;
  readonly normed: boolean;
  readonly lanes: number;
  readonly to: HeadsParams['to'];
}

async function compareHeads({
  rowHeads,
  rotatedHeads,
  headDim,
  normed,
  lanes,
  to,
}: HeadsCase): Promise<void> {
  const [cols, position, ringRows] = [16, 11, 4];
  const size = rowHeads * headDim;
  const x = randomFloats(cols);
  const gain = randomFloats(cols);
  const w = randomFloats(size * cols);
  const bias = randomFloats(size);
  const headGain = randomFloats(headDim);
  const rope = ropeTable({ type: 'default', theta: 10000 }, headDim, position + 3);
  const half = to.kind === 'cache' && to.format === 'f16';
  const slot = to.kind === 'cache' ? position % ringRows : 0;
  const out = half ? new Uint16Array(ringRows * size) : new Float32Array(ringRows * size);
  const heads: HeadsParams = { headDim, heads: rowHeads, rotatedHeads, normed, eps: 1e-6, to };
  const outputAt = (buffer: ArrayBuffer, row: number) => {
    const all = half ? Float32Array.from(new Uint16Array(buffer), halfToFloat) : new Float32Array(buffer);
    return all.subarray(row * size, (row + 1) * size);
  };
  const finish = (projected: Float32Array, at: number) => {
    const row = projected.slice();
    for (const head of cpu.headsOf(row, headDim).slice(0, rotatedHeads)) {
      if (normed) head.set(cpu.rmsNorm(head, headGain, 1e-6));
      cpu.rotate(head, rope.subarray(at * headDim, (at + 1) * headDim));
    }
    return row;
  };
  // A few float32 roundings, or one to half precision: 2^-11.
  const tolerance = within(half ? 6e-4 : 3e-5);

  const projected = cpu.project(w, cpu.rmsNorm(x, gain, 1e-5), bias);
  const got = await run(
    projectHeads,
    {
      matrix: { rows: size, cols, type: 'f32' },
      input: { kind: 'normed', dim: cols, eps: 1e-5 },
      biased: true,
      heads,
      lanes,
    },
    { x, gain, w, bias, headGain, rope, out },
    'out',
    { position, ringRows },
  );
  expectAllClose(
    outputAt(got, slot),
    finish(projected, position),
    tolerance,
    `${rowHeads} × ${headDim}, number`,
  );

  const rows = 3;
  const many = randomFloats(rows * size);
  const placed = await run(placeHeads, heads, { x: many, headGain, rope, out }, 'out', {
    position,
    rows,
    ringRows,
  });
  for (let row = 0; row < rows; row++) {
    const expected = finish(many.subarray(row * size, (row + 1) * size), position + row);
    const at = to.kind === 'cache' ? (position + row) % ringRows : row;
    expectAllClose(
      outputAt(placed, at),
      expected,
      tolerance,
      `row ${row} of ${rowHeads} × ${headDim}, number`,
    );
  }
}

describe('copy-rows', () => {
  it('takes the rows of a ring into a scratch cache, and back', async () => {
    const [rowWords, ringRows] = [70, 5];
    const ring = Float32Array.from({ length: ringRows * rowWords }, (_, i) => i);
    const step = { position: 8, rows: 4, ringRows, scratchBase: 7 };
    const there = new Float32Array(
      await run(
        copyRows,
        { rowWords, fromRing: true },
        { source: ring, sink: new Float32Array(6 * rowWords) },
        'sink',
        step,
      ),
    );
    for (const position of [8, 9, 10, 11]) {
      const row = there.subarray((position - 7) * rowWords, (position - 6) * rowWords);
      expect(row[0], `position ${position}`).toBe((position % ringRows) * rowWords);
      expect(row[69]).toBe((position % ringRows) * rowWords + 69);
    }
    const back = new Float32Array(
      await run(
        copyRows,
        { rowWords, fromRing: false },
        { source: there, sink: new Float32Array(ring.length) },
        'sink',
        step,
      ),
    );
    const expected = ring.map((value, i) => (Math.floor(i / rowWords) === 12 % ringRows ? 0 : value));
    expect([...back]).toEqual([...expected]);
  });
});
