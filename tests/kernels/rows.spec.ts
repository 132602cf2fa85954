import { describe, expect, it } from 'vitest';
import { addWeights } from '../../gpu/webgpu/kernels/add-weights.ts';
import { rmsNorm } from '../../gpu/webgpu/kernels/rms-norm.ts';
import { swiglu } from '../../gpu/webgpu/kernels/swiglu.ts';
import { fromF16Bits, toF16Bits } from '../../gpu/numbers/element-type.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { expectAllClose } from '../support/all-close.ts';
import { joined, padded, randomFloats, rowsOf, run, within } from '../support/kernels.ts';

describe('rms-norm', () => {
  it('norms the rows of the turn that the step names', async () => {
    for (const dim of [3, 8, 129, 192]) {
      const cols = Math.ceil(dim / 8) * 8;
      const turn = Array.from({ length: 5 }, () => padded(randomFloats(dim, 2), cols));
      const gain = padded(randomFloats(dim), cols);
      const y = await run(
        rmsNorm,
        { dim, cols, eps: 1e-5 },
        { x: joined(turn), gain, y: new Float32Array(3 * cols) },
        'y',
        { rows: 3, firstRow: 2 },
      );
      const expected = turn
        .slice(2)
        .map((row) => padded(cpu.rmsNorm(row.subarray(0, dim), gain, 1e-5), cols));
      expectAllClose(new Float32Array(y), joined(expected), within(1e-5), `dim ${dim}, number`); // inverseSqrt: 2 ulp
    }
  });
});

describe('swiglu', () => {
  it('is silu(gate) · up, row by row, and leaves the padding alone', async () => {
    const [rows, dim, yStride] = [3, 67, 72];
    const gates = randomFloats(rows * 2 * dim, 8);
    const y = await run(swiglu, { dim, yStride }, { x: gates, y: new Float32Array(rows * yStride) }, 'y', {
      rows,
    });
    const expected = rowsOf(gates, 2 * dim).map((row) =>
      padded(cpu.swiglu(row.subarray(0, dim), row.subarray(dim)), yStride),
    );
    expectAllClose(new Float32Array(y), joined(expected), within(1e-5)); // exp: 3 + 2·|x| ulp
  });
});

describe('half precision', () => {
  it('is rounded the same by GPU and CPU, including ties, subnormals, overflow and both zeros', async () => {
    const edges = [0, -0, 1, 65504, 65519.99, 65520, 1e9, -1e9, 2 ** -24, 2 ** -25, 2 ** -25 * 1.01, 6.1e-5];
    const ties = Array.from({ length: 500 }, (_, i) => 2 ** ((i % 30) - 15) * (1 + (2 * i + 1) / 2048));
    const values = Float32Array.from([
      ...edges,
      ...ties,
      ...randomFloats(504, 1e-4),
      ...randomFloats(504, 10),
    ]);
    const y = await run(
      addWeights,
      {
        matrix: { rows: values.length / 8, cols: 8, type: 'f32' },
        first: true,
        last: true,
        count: 1,
        halves: true,
      },
      { w: values, y: new Float32Array(values.length) },
      'y',
    );
    const expected = values.map((value) => fromF16Bits(toF16Bits(value)));
    expect([...new Float32Array(y)]).toEqual([...expected]);
  });
});
