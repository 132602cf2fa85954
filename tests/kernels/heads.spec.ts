import { describe, expect, it } from 'vitest';
import { copyRows } from '../../gpu/webgpu/kernels/copy-rows.ts';
import type { HeadsParams } from '../../gpu/webgpu/kernels/heads.ts';
import { placeHeads } from '../../gpu/webgpu/kernels/place-heads.ts';
import { projectQkvColumns } from '../../gpu/webgpu/kernels/project-qkv.ts';
import { projectHeads } from '../../gpu/webgpu/kernels/project-heads.ts';
import { toFloat32 } from '../../gpu/numbers/element-type.ts';
import { ropeTable } from '../../gpu/plan/rope.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { expectAllClose } from '../support/all-close.ts';
import { sampleOf } from '../support/samples.ts';
import { headShapes, joined, randomFloats, rowTable, run, within } from '../support/kernels.ts';

describe('project-heads and place-heads', () => {
  // Each case has its own kernels, and a software adapter takes a while to compile them.
  const sizes = [24, 328, 8, 128].slice(0, sampleOf({ all: 4, node: 4, chromium: 2 }));
  const shapes = headShapes.filter(([, , headDim]) => sizes.includes(headDim));

  it.each(shapes)('equal the twin with %i query heads and %i KV heads of %i numbers', async (...shape) => {
    const [heads, kvHeads, headDim] = shape;
    const query = { rowHeads: heads, rotatedHeads: heads, headDim, to: { kind: 'rows' } } as const;
    const keyAndValue = { rowHeads: 2 * kvHeads, rotatedHeads: kvHeads, headDim };
    await compareHeads({ ...query, normed: false, lanes: 1 });
    await compareHeads({ ...query, normed: true, lanes: 32 });
    const ring = { kind: 'cache' } as const;
    await compareHeads({ ...keyAndValue, normed: false, lanes: 32, to: { ...ring, format: 'f16' } });
    await compareHeads({ ...keyAndValue, normed: true, lanes: 1, to: { ...ring, format: 'f32' } });
    await compareHeads({ ...keyAndValue, normed: true, lanes: 4, to: { ...ring, format: 'f16' } });
  });
});

describe('project-qkv', () => {
  it.each([
    { heads: 3, kvHeads: 1, headDim: 24, normed: false, biased: true, format: 'f16' },
    { heads: 6, kvHeads: 2, headDim: 16, normed: true, biased: false, format: 'f32' },
    // So many rows that a workgroup takes 16 of them.
    { heads: 112, kvHeads: 8, headDim: 16, normed: false, biased: false, format: 'f16' },
  ] as const)('equals the twin: $heads query heads, $kvHeads KV heads of $headDim', async (each) => {
    const { heads, kvHeads, headDim, normed, biased, format } = each;
    const [cols, eps] = [24, 1e-6];
    const row = { sequence: 0, position: 11, rope: 3, slot: 2, firstSlot: 0, endSlot: 4 };
    const [querySize, keySize] = [heads * headDim, kvHeads * headDim];
    const [x, gain] = [randomFloats(cols), randomFloats(cols)];
    const [wQuery, wKeyValue] = [randomFloats(querySize * cols), randomFloats(2 * keySize * cols)];
    const bias = biased ? randomFloats(querySize + 2 * keySize) : new Float32Array();
    const headGains = normed ? randomFloats(2 * headDim) : new Float32Array();
    const rope = ropeTable({ type: 'default', theta: 10000 }, headDim, 10);
    const params = {
      matrix: { rows: querySize, cols, type: 'f32' },
      input: { kind: 'normed', dim: cols, eps: 1e-5 },
      ...{ biased, queryHeads: heads, lanes: 32 },
      heads: {
        ...{ headDim, heads: 2 * kvHeads, rotatedHeads: kvHeads, normed, eps },
        to: { kind: 'cache', format },
      },
    } as const;
    const out = format === 'f16' ? new Uint16Array(8 * keySize) : new Float32Array(8 * keySize);
    const data = {
      ...{ x, gain: joined([gain, bias, headGains]), w: wQuery, keyValueWeights: wKeyValue, rope, out },
      ...{ queries: new Float32Array(querySize), rows: rowTable([row]) },
    };
    const normedX = cpu.rmsNorm(x, gain, 1e-5);
    const finish = (w: Float32Array, biases: Float32Array, rotated: number, headGain: Float32Array) => {
      const projected = cpu.project(w, normedX, biased ? biases : undefined);
      for (const head of cpu.headsOf(projected, headDim).slice(0, rotated)) {
        if (normed) head.set(cpu.rmsNorm(head, headGain, eps));
        cpu.rotate(head, rope.subarray(row.rope * headDim, (row.rope + 1) * headDim));
      }
      return projected;
    };
    const kernel = projectQkvColumns(1);
    const queries = new Float32Array(await run(kernel, params, data, 'queries'));
    const expected = finish(wQuery, bias.subarray(0, querySize), heads, headGains.subarray(0, headDim));
    expectAllClose(queries, expected, within(3e-5));
    const bytes = await run(kernel, params, data, 'out');
    const store = format === 'f16' ? toFloat32(new Uint8Array(bytes), 'f16') : new Float32Array(bytes);
    const stored = store.subarray(4 * keySize, 6 * keySize);
    expectAllClose(
      stored,
      finish(wKeyValue, bias.subarray(querySize), kvHeads, headGains.subarray(headDim)),
      within(format === 'f16' ? 6e-4 : 3e-5),
    );
    expect([...store.subarray(0, 4 * keySize)]).toEqual([...new Float32Array(4 * keySize)]);
  });
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
  const cols = 16;
  // Position, angle and slot are three independent numbers.
  const rows = [
    { position: 11, rope: 3, slot: 2 },
    { position: 12, rope: 9, slot: 0 },
    { position: 40, rope: 1, slot: 3 },
  ].map((row) => ({ sequence: 0, firstSlot: 0, endSlot: 4, ...row }));
  const slots = 4;
  const size = rowHeads * headDim;
  const x = randomFloats(cols);
  const gain = randomFloats(cols);
  const w = randomFloats(size * cols);
  const bias = randomFloats(size);
  const headGain = randomFloats(headDim);
  const rope = ropeTable({ type: 'default', theta: 10000 }, headDim, 10);
  const half = to.kind === 'cache' && to.format === 'f16';
  const outRow = (row: number) => (to.kind === 'cache' ? (rows[row]?.slot ?? NaN) : row);
  const out = half ? new Uint16Array(slots * size) : new Float32Array(slots * size);
  const heads: HeadsParams = { headDim, heads: rowHeads, rotatedHeads, normed, eps: 1e-6, to };
  const outputAt = (buffer: ArrayBuffer, row: number) => {
    const all = half ? toFloat32(new Uint8Array(buffer), 'f16') : new Float32Array(buffer);
    return all.subarray(row * size, (row + 1) * size);
  };
  const finish = (projected: Float32Array, row: number) => {
    const angle = rows[row]?.rope ?? NaN;
    const finished = projected.slice();
    for (const head of cpu.headsOf(finished, headDim).slice(0, rotatedHeads)) {
      if (normed) head.set(cpu.rmsNorm(head, headGain, 1e-6));
      cpu.rotate(head, rope.subarray(angle * headDim, (angle + 1) * headDim));
    }
    return finished;
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
    { x, gain, w, bias, headGain, rope, out, rows: rowTable(rows) },
    'out',
  );
  expectAllClose(
    outputAt(got, outRow(0)),
    finish(projected, 0),
    tolerance,
    `${rowHeads} × ${headDim}, number`,
  );

  const many = randomFloats(rows.length * size);
  const table = rowTable([...rows.slice(0, 1), ...rows]); // the step begins at the second row
  const binding = { x: many, headGain, rope, out, rows: table };
  const placed = await run(placeHeads, heads, binding, 'out', { rows: rows.length, firstRow: 1 });
  for (let row = 0; row < rows.length; row++) {
    const expected = finish(many.subarray(row * size, (row + 1) * size), row);
    expectAllClose(
      outputAt(placed, outRow(row)),
      expected,
      tolerance,
      `row ${row} of ${rowHeads} × ${headDim}, number`,
    );
  }
}

describe('copy-rows', () => {
  it('copies each listed row to its new slot and touches no other', async () => {
    const rowWords = 70;
    const source = Float32Array.from({ length: 6 * rowWords }, (_, i) => i);
    const sink = new Float32Array(5 * rowWords).fill(-1);
    const copies = [
      [5, 0],
      [1, 4],
      [3, 2],
    ];
    const got = new Float32Array(
      await run(copyRows, { rowWords }, { source, sink, copies: Uint32Array.from(copies.flat()) }, 'sink', {
        rows: copies.length,
      }),
    );
    const expected = sink.slice();
    for (const [from = 0, to = 0] of copies) {
      expected.set(source.subarray(from * rowWords, (from + 1) * rowWords), to * rowWords);
    }
    expect([...got]).toEqual([...expected]);
  });
});
