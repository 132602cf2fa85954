import { describe, expect, it } from 'vitest';
import { copyRows } from '../../gpu/webgpu/kernels/copy-rows.ts';
import type { HeadsParams } from '../../gpu/webgpu/kernels/heads.ts';
import { placeHeads } from '../../gpu/webgpu/kernels/place-heads.ts';
import { projectHeads } from '../../gpu/webgpu/kernels/project-heads.ts';
import { toFloat32 } from '../../gpu/numbers/element-type.ts';
import { ropeTable } from '../../gpu/plan/rope.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { expectAllClose } from '../support/all-close.ts';
import { headShapes, randomFloats, run, within } from '../support/kernels.ts';

describe('project-heads and place-heads', () => {
  // Each case is kernels of its own, which a software adapter takes a while to compile.
  const shapes = headShapes.filter(([, , headDim]) => [8, 24, 128, 328].includes(headDim));

  it.each(shapes)('finish %i query heads, and keys and values of %i, of %i numbers', async (...shape) => {
    const [heads, kvHeads, headDim] = shape;
    const query = { rowHeads: heads, rotatedHeads: heads, headDim, to: { kind: 'rows' } } as const;
    const keyAndValue = { rowHeads: 2 * kvHeads, rotatedHeads: kvHeads, headDim };
    await compareHeads({ ...query, normed: false, lanes: 1 });
    await compareHeads({ ...query, normed: true, lanes: 32 });
    const ring = { kind: 'cache', slots: 'ring' } as const;
    await compareHeads({ ...keyAndValue, normed: false, lanes: 32, to: { ...ring, format: 'f16' } });
    await compareHeads({ ...keyAndValue, normed: true, lanes: 1, to: { ...ring, format: 'f32' } });
    await compareHeads({ ...keyAndValue, normed: true, lanes: 4, to: { ...ring, format: 'f16' } });
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
    const all = half ? toFloat32(new Uint8Array(buffer), 'f16') : new Float32Array(buffer);
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
