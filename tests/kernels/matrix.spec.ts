import { describe, expect, it } from 'vitest';
import { addWeights } from '../../gpu/webgpu/kernels/add-weights.ts';
import { embed } from '../../gpu/webgpu/kernels/embed.ts';
import { gateUp } from '../../gpu/webgpu/kernels/gate-up.ts';
import type { MatvecInput } from '../../gpu/webgpu/kernels/matvec.ts';
import { kernelForRows } from '../../gpu/webgpu/kernel.ts';
import { projectFour, projectTiles } from '../../gpu/webgpu/kernels/project-rows.ts';
import { project } from '../../gpu/webgpu/kernels/project.ts';
import type { MatrixFormat } from '../../gpu/numbers/matrix-format.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { expectAllClose } from '../support/all-close.ts';
import { linearSlots } from '../../gpu/kv/slots.ts';
import { sampleOf } from '../support/samples.ts';
import { joined, kept, padded, randomFloats, rowsFrom, rowsOf, run, within } from '../support/kernels.ts';

const types: readonly MatrixFormat[] = ['f32', 'f16', 'bf16', 'q8', 'q4'];
const tunings = [
  { workgroup: 64, lanes: 1 },
  { workgroup: 128, lanes: 32 },
  { workgroup: 8, lanes: 8 },
];
/**
 * A software adapter compiles a kernel in about a second, so quantized weights skip the last shape. In Chromium q4 stands
 * for q8, and f16 for bf16: they differ in how a weight is unpacked, which the first shape does too.
 */
function tuningsOf(type: MatrixFormat) {
  const most = type === 'q8' || type === 'q4' ? 2 : tunings.length;
  const chromium = type === 'q8' || type === 'bf16' ? 1 : most;
  return tunings.slice(0, sampleOf({ all: most, node: most, chromium }));
}

/** One row, a prime, one over the workgroup, more than any workgroup, with few and many columns. */
const shapes = [
  [1, 8],
  [7, 24],
  [65, 40],
  [131, 192],
  [257, 520],
] as const;

/** More columns than workgroup memory takes at a time. */
const wide = [19, 2200] as const;

// Sums of at most 2,200 products of numbers below 1, in float32 and another order: 2,200 · 2^-24 · a few.
const dotTolerance = within(2e-4);

describe.each(types)('project with %s weights', (type) => {
  it.each(tuningsOf(type))(
    'equals W·x + b, plain and onto a residual, with $lanes lanes of $workgroup',
    async (tuning) => {
      for (const [rows, cols] of [...shapes, wide]) {
        const w = kept(randomFloats(rows * cols), cols, type);
        const x = randomFloats(cols);
        const bias = randomFloats(rows);
        const residual = randomFloats(rows);
        const matrix = { rows, cols, type };
        const yStride = rows;
        const data = { x, gain: new Float32Array(4), w: w.data, bias, y: residual };
        const input: MatvecInput = { kind: 'plain' };

        const params = { matrix, input, yStride, tuning };
        const plain = await run(project, { ...params, add: false, biased: false }, data, 'y');
        expectAllClose(
          new Float32Array(plain),
          cpu.project(w.values, x),
          dotTolerance,
          `${rows} × ${cols}, row`,
        );

        const added = await run(project, { ...params, add: true, biased: true }, data, 'y');
        const expected = cpu.project(w.values, x, bias);
        cpu.addTo(expected, residual);
        expectAllClose(
          new Float32Array(added),
          expected,
          dotTolerance,
          `${rows} × ${cols}, biased and added, row`,
        );
      }
    },
  );

  it('norms its input first if requested, over the numbers without the padding', async () => {
    for (const dim of [5, 8, 61, 192, 2197]) {
      const cols = Math.ceil(dim / 8) * 8;
      const rows = 33;
      const matrix = { rows, cols, type };
      const x = padded(randomFloats(dim, 3), cols);
      const gain = padded(randomFloats(dim), cols);
      const w = kept(randomFloats(rows * cols), cols, type);
      const normed = padded(cpu.rmsNorm(x.subarray(0, dim), gain.subarray(0, dim), 1e-5), cols);
      for (const tuning of tuningsOf(type)) {
        const params = {
          matrix,
          input: { kind: 'normed', dim, eps: 1e-5 },
          yStride: rows,
          add: false,
          biased: false,
          tuning,
        } as const;
        const data = { x, gain, w: w.data, bias: new Float32Array(4), y: new Float32Array(rows) };
        const y = await run(project, params, data, 'y');
        expectAllClose(new Float32Array(y), cpu.project(w.values, normed), dotTolerance, `dim ${dim}, row`);
      }
    }
  });

  it('is silu(gate) · up in gate-up', async () => {
    for (const [rows, cols] of shapes) {
      const w = kept(randomFloats(2 * rows * cols), cols, type);
      const x = randomFloats(cols);
      const gain = randomFloats(cols);
      const bias = randomFloats(2 * rows);
      const normed = cpu.rmsNorm(x, gain, 1e-6);
      const both = cpu.project(w.values, normed, bias);
      for (const tuning of tuningsOf(type)) {
        const y = await run(
          gateUp,
          {
            matrix: { rows: 2 * rows, cols, type },
            input: { kind: 'normed', dim: cols, eps: 1e-6 },
            yStride: rows,
            biased: true,
            tuning,
          },
          { x, gain, w: w.data, bias, y: new Float32Array(rows) },
          'y',
        );
        // A product of two sums, each of the size of √cols.
        const expected = cpu.swiglu(both.subarray(0, rows), both.subarray(rows));
        expectAllClose(new Float32Array(y), expected, within(2e-3), `${rows} × ${cols}, row`);
      }
    }
  });

  it('is the same row by row in project-few, project-many and project-four', async () => {
    // Each number of rows has a kernel of its own, which takes SwiftShader in Chromium long to compile. A format does
    // not change which rows a workgroup takes.
    const counts = sampleOf({ all: 6, node: type === 'f32' ? 6 : 2, chromium: type === 'f32' ? 3 : 1 });
    for (const rows of [5, 70, 1, 33, 17, 12].slice(0, counts)) {
      for (const [wRows, cols] of shapes.slice(0, 4)) {
        const w = kept(randomFloats(wRows * cols), cols, type);
        const x = randomFloats(rows * cols);
        const bias = randomFloats(wRows);
        const expected = rowsOf(x, cols).map((row) => cpu.project(w.values, row, bias));
        for (const kernel of [kernelForRows(projectTiles, rows).kernel, projectFour]) {
          const y = await run(
            kernel,
            { matrix: { rows: wRows, cols, type }, yStride: wRows, add: false, biased: true },
            { x, w: w.data, bias, y: new Float32Array(rows * wRows) },
            'y',
            { rows },
          );
          expectAllClose(new Float32Array(y), joined(expected), dotTolerance, `${rows} × ${wRows} × ${cols}`);
        }
      }
    }
  });

  it('looks up the embeddings of the tokens at the positions of its rows', async () => {
    const cols = 24;
    const table = kept(randomFloats(11 * cols), cols, type);
    const tokens = Uint32Array.from([3, 0, 10, 10, 7]);
    const hidden = await run(
      embed,
      { rows: 11, cols, type, tokenPlaces: 5 },
      {
        tokens,
        w: table.data,
        hidden: new Float32Array(4 * cols),
        rows: rowsFrom(linearSlots(5), 1, 4),
      },
      'hidden',
      { rows: 3, firstRow: 1 },
    );
    const rows = [10, 10, 7].map((token) => table.values.subarray(token * cols, (token + 1) * cols));
    expect([...new Float32Array(hidden)]).toEqual([...new Float32Array(cols), ...joined(rows)]);
  });

  it('averages matrices one by one', async () => {
    const shape = { rows: 5, cols: 24, type };
    const parts = [randomFloats(120), randomFloats(120), randomFloats(120)].map((part) =>
      kept(part, 24, type),
    );
    let y: Float32Array = new Float32Array(120);
    for (const [i, part] of parts.entries()) {
      const params = { matrix: shape, first: i === 0, last: i === 2, count: 3, halves: false };
      y = new Float32Array(await run(addWeights, params, { w: part.data, y }, 'y'));
    }
    const mean = parts[0]?.values.map(
      (_, i) => parts.reduce((sum, part) => sum + (part.values[i] ?? 0), 0) / 3,
    );
    expectAllClose(y, mean ?? [], within(1e-6)); // three additions and a division, of which WGSL allows 2.5 ulp
  });
});

describe.each([
  { rows: 3, kernel: projectFour },
  ...[1, 3, 9].map((rows) => ({ rows, kernel: kernelForRows(projectTiles, rows).kernel })),
])('$kernel.label, with $rows rows', ({ rows, kernel }) => {
  it('adds onto the rows of the turn that the step names', async () => {
    const [wRows, cols] = [10, 16];
    const w = randomFloats(wRows * cols);
    const x = randomFloats(rows * cols);
    const hidden = randomFloats((rows + 3) * 16); // rows of the turn, padded to 16
    const y = await run(
      kernel,
      { matrix: { rows: wRows, cols, type: 'f32' }, yStride: 16, add: true, biased: false },
      { x, w, bias: new Float32Array(4), y: hidden },
      'y',
      { rows, firstRow: 2 },
    );
    const expected = hidden.slice();
    rowsOf(x, cols).forEach((row, i) => {
      cpu.addTo(expected.subarray((2 + i) * 16, (2 + i) * 16 + wRows), cpu.project(w, row));
    });
    expectAllClose(new Float32Array(y), expected, dotTolerance);
  });
});

describe('project of an attention in parts', () => {
  it('weighs the parts by their sums, and ignores an empty one', async () => {
    const [heads, headDim, splits, rows] = [3, 8, 4, 5];
    const cols = heads * headDim;
    const parts = randomFloats(splits * cols);
    // (maximum, sum) of each part and head; the last part saw no key.
    const stats = Array.from({ length: splits * heads }, (_, i) =>
      i < (splits - 1) * heads ? [i - 4, 1 + i, 0, 0] : [-1e30, 0, 0, 0],
    );
    const merged = new Float32Array(cols);
    for (let head = 0; head < heads; head++) {
      const weightOf = (split: number) => {
        const [most = 0, sum = 0] = stats[split * heads + head] ?? [];
        return most < -1e29 ? 0 : sum * Math.exp(most);
      };
      const total = [0, 1, 2, 3].reduce((sum, split) => sum + weightOf(split), 0);
      for (let d = 0; d < headDim; d++) {
        const at = head * headDim + d;
        for (let split = 0; split < splits; split++) {
          merged[at] = (merged[at] ?? 0) + (weightOf(split) / total) * (parts[split * cols + at] ?? 0);
        }
      }
    }
    const w = randomFloats(rows * cols);
    for (const tuning of tunings) {
      const y = await run(
        project,
        {
          matrix: { rows, cols, type: 'f32' },
          input: { kind: 'splits', splits, heads },
          yStride: rows,
          add: false,
          biased: false,
          tuning,
        },
        {
          x: joined([parts, Float32Array.from(stats.flat())]),
          gain: new Float32Array(4),
          w,
          bias: new Float32Array(4),
          y: new Float32Array(rows),
        },
        'y',
      );
      expectAllClose(new Float32Array(y), cpu.project(w, merged), dotTolerance);
    }
  });
});
