import { describe, expect, it } from 'vitest';
import { quantizeRows, dequantizeRows, type QuantizedFormat } from '../../gpu/numbers/quantize.ts';
import { padded } from '../../gpu/numbers/panels.ts';
import { roundedInput } from '../../gpu/numbers/rounded-input.ts';
import * as cpu from '../../gpu/reference/math.ts';
import {
  compileKernels,
  inputLayout,
  instructionsHere,
  startKernels,
  type Kernels,
} from '../../gpu/wasm/kernels.ts';
import { quantizedBytes, widenedBytes } from '../../gpu/wasm/layer-scratch.ts';
import { LinearMemory } from '../../gpu/wasm/linear-memory.ts';
import { WasmTensor } from '../../gpu/wasm/tensor.ts';
import { expectAllClose } from '../support/all-close.ts';
import { matrixShapes, putRows } from '../support/linear-rows.ts';
import { joined, randomFloats, rowsOf, within } from '../support/kernels.ts';

/** And 4 bits whose input is rounded to 8. */
const formats = ['q8', 'q4', 'w4a8'] as const;

/** One row, a remainder only, groups of four only, both. */
const counts = [1, 2, 3, 4, 5, 8, 9];

/**
 * Six standard errors: a number of x is off by at most 2^-16, evenly distributed, so by 2^-16 / √3 as a rule, and the
 * numbers that it is multiplied with are evenly distributed below 1 too.
 */
const tolerated = (cols: number) => 6 * (2 ** -16 / 3) * Math.sqrt(cols);

interface Added {
  readonly bias?: Float32Array;
  readonly before?: Float32Array;
}

/** W·x of every row of x, whose numbers lie as `layout` says, onto `before` if there is any. */
function multiplyAs(
  layout: number,
  { memory, kernels }: { readonly memory: LinearMemory; readonly kernels: Kernels },
  { rows, cols, address, panels, format }: WasmTensor,
  x: Float32Array,
  { eight, bias, before }: Added & { readonly eight: boolean },
): Float32Array {
  const count = x.length / cols;
  const yStride = 4 * padded(rows);
  const xAt = putRows(memory, x, cols);
  const yAt = putRows(memory, before ?? new Float32Array(rows * count), rows);
  const biasAt = bias ? putRows(memory, bias, rows) : 0;
  const [q8, onto] = [format === 'q8', before !== undefined];
  const input = memory.allocate('test', quantizedBytes(cols) * count);
  const wide = memory.allocate('test', widenedBytes(cols));
  kernels.quantizeInput(layout, eight, xAt, 4 * padded(cols), cols, count, input);
  const to = [yAt, yStride, count, onto, wide] as const;
  kernels.projectPacked(q8, layout, address, cols, panels, biasAt, input, ...to);
  const y = joined(Array.from({ length: count }, (_, i) => memory.floats(yAt + yStride * i, rows).slice()));
  for (const each of [xAt, yAt, biasAt, input, wide]) memory.free(each);
  return y;
}

describe.each(instructionsHere())('Packed matrices in WebAssembly with %s', (instructions) => {
  const started = compileKernels(instructions).then((code) => {
    const memory = new LinearMemory();
    const kernels = startKernels(code, memory.memory);
    const packedTensor = (rows: number, cols: number, packed: Uint8Array, format: QuantizedFormat) => {
      const tensor = new WasmTensor(memory, kernels, { rows, cols, vector: false });
      tensor.putPacked(0, packed, format);
      return tensor;
    };
    const multiply = (
      w: WasmTensor,
      x: Float32Array,
      { eight, ...added }: Added & { readonly eight: boolean },
    ) => {
      const inBytes = w.format !== 'q8' && kernels.bytesAreFast(-1) === 1;
      return multiplyAs(inputLayout(inBytes, eight), { memory, kernels }, w, x, { eight, ...added });
    };
    return { memory, kernels, packedTensor, multiply };
  });

  describe.each(formats)('in %s', (weights) => {
    const format = weights === 'w4a8' ? 'q4' : weights;
    const eight = weights === 'w4a8';
    /** What is multiplied, as the CPU twin computes it: with 16 bits as good as x itself. */
    const inputOf = (x: Float32Array) => (eight ? roundedInput(x) : x);
    const quantized = (rows: number, cols: number, scale = 1) => {
      const packed = quantizeRows(randomFloats(rows * cols, scale), cols, format);
      return { packed, values: dequantizeRows(packed, cols, format) };
    };

    it('hold the numbers that were packed, to the bit, in 34 or 18 bytes for a row of a group', async () => {
      const { memory, packedTensor } = await started;
      const before = memory.allocatedBytes;
      for (const [rows, cols] of matrixShapes) {
        const { packed, values } = quantized(rows, cols);
        const tensor = packedTensor(rows, cols, packed, format);
        expect(tensor.format).toBe(format);
        expect(tensor.bytes).toBe(padded(rows) * Math.ceil(cols / 32) * (format === 'q8' ? 34 : 18));
        expect([...new Uint32Array(tensor.values().buffer)]).toEqual([...new Uint32Array(values.buffer)]);
        tensor.free();
      }
      expect(memory.allocatedBytes).toBe(before);
    });

    it('are put piece by piece', async () => {
      const { memory, kernels } = await started;
      const [rows, cols] = [70, 37];
      const { packed, values } = quantized(rows, cols);
      const tensor = new WasmTensor(memory, kernels, { rows, cols, vector: false });
      const rowBytes = packed.length / rows;
      for (const [from, to] of [
        [0, 13],
        [13, 64],
        [64, 70],
      ] as const) {
        tensor.putPacked(from, packed.subarray(from * rowBytes, to * rowBytes), format);
      }
      expect([...tensor.values()]).toEqual([...values]);
      tensor.free();
    });

    it('hold the smallest scales, and become float32 for one of 128 or more, wherever it comes', async () => {
      const { packedTensor, memory, kernels } = await started;
      const before = memory.allocatedBytes;
      const least = quantizeRows(Float32Array.of(2 ** -24 * 5, -(2 ** -24) * 3, 0), 3, format);
      const small = packedTensor(1, 3, least, format);
      expect(small.format).toBe(format);
      expect([...small.values()]).toEqual([...dequantizeRows(least, 3, format)]);
      small.free();

      const huge = quantizeRows(randomFloats(4 * 40, 128 * 200), 40, format);
      const { packed: usual } = quantized(40, 40);
      const rowBytes = usual.length / 40;
      for (const order of [
        [huge, usual],
        [usual, huge],
      ]) {
        const tensor = new WasmTensor(memory, kernels, { rows: 44, cols: 40, vector: false });
        let row = 0;
        for (const each of order) {
          tensor.putPacked(row, each, format);
          row += each.length / rowBytes;
        }
        expect(tensor.format).toBe('f32');
        expect([...tensor.values()]).toEqual(order.flatMap((each) => [...dequantizeRows(each, 40, format)]));
        tensor.free();
      }
      expect(memory.allocatedBytes).toBe(before);
    });

    it('multiply, plain, biased and onto sums', async () => {
      const { packedTensor, multiply } = await started;
      for (const [rows, cols] of matrixShapes) {
        const { packed, values } = quantized(rows, cols);
        const w = packedTensor(rows, cols, packed, format);
        const bias = randomFloats(rows);
        for (const count of counts) {
          const x = randomFloats(count * cols);
          const before = randomFloats(count * rows);
          const what = `${rows} × ${cols}, ${count} rows`;
          const plain = joined(rowsOf(x, cols).map((row) => cpu.project(values, inputOf(row))));
          const tolerance = within(tolerated(cols));
          expectAllClose(multiply(w, x, { eight }), plain, tolerance, `${what}, plain, number`);
          const biased = joined(rowsOf(x, cols).map((row) => cpu.project(values, inputOf(row), bias)));
          const onto = biased.map((value, i) => value + (before[i] ?? 0));
          expectAllClose(
            multiply(w, x, { eight, bias, before }),
            onto,
            tolerance,
            `${what}, biased onto, number`,
          );
        }
        w.free();
      }
    });

    it('give a row the same numbers, to the bit, alone and among others', async () => {
      const { packedTensor, multiply } = await started;
      for (const [rows, cols] of matrixShapes) {
        const w = packedTensor(rows, cols, quantized(rows, cols).packed, format);
        const x = randomFloats(9 * cols);
        const bias = randomFloats(rows);
        const before = randomFloats(9 * rows);
        const alone = Array.from({ length: 9 }, (_, i) =>
          multiply(w, x.slice(i * cols, (i + 1) * cols), {
            eight,
            bias,
            before: before.slice(i * rows, (i + 1) * rows),
          }),
        );
        for (const count of counts) {
          const together = multiply(w, x.slice(0, count * cols), {
            eight,
            bias,
            before: before.slice(0, count * rows),
          });
          expect([...together], `${rows} × ${cols}, ${count} rows`).toEqual(
            alone.slice(0, count).flatMap((row) => [...row]),
          );
        }
        w.free();
      }
    });

    it('multiply whole numbers of x exactly', async () => {
      const { packedTensor, multiply } = await started;
      const [rows, cols] = [35, 100];
      const most = format === 'q8' ? 127 : 7;
      const whole = Float32Array.from({ length: rows * cols }, (_, i) => ((i * 37) % (2 * most + 1)) - most);
      // Each group reaches its largest number, so that the scale is 1.
      for (let i = 0; i < whole.length; i += 4) whole[i] = format === 'q8' ? most : -8;
      const packed = quantizeRows(whole, cols, format);
      const values = dequantizeRows(packed, cols, format);
      const w = packedTensor(rows, cols, packed, format);
      const largest = eight ? 127 : 32639;
      const x = Float32Array.from({ length: cols }, (_, i) => (i % 4 === 0 ? largest : (i * 5003) % largest));
      const expected = Array.from({ length: rows }, (_, row) =>
        x.reduce((sum, value, col) => sum + value * (values[row * cols + col] ?? 0), 0),
      );
      expectAllClose(multiply(w, x, { eight }), expected, within(2e-7), 'row');
      w.free();
    });

    it('take activations of any size, one group far from another', async () => {
      const { packedTensor, multiply } = await started;
      const [rows, cols] = [5, 96];
      const { packed, values } = quantized(rows, cols);
      const w = packedTensor(rows, cols, packed, format);
      for (const sizes of [
        [1e-3, 1e6, 1],
        [2 ** 90, 0, 0],
        [1e37, 1, 0],
        [0, 2 ** -90, 2 ** -95],
        [0, 0, 0],
      ]) {
        const x = randomFloats(cols).map((value, i) => value * (sizes[Math.floor(i / 32)] ?? 0));
        const expected = cpu.project(values, inputOf(x));
        const largest = Math.max(...sizes);
        const actual = multiply(w, x, { eight });
        expectAllClose(
          actual.map((value) => value / (largest || 1)),
          expected.map((value) => value / (largest || 1)),
          within(2e-4),
          `${sizes.join()}, row`,
        );
      }
      w.free();
    });

    it('take the scale of a group from its largest number, wherever it stands', async () => {
      const { packedTensor, multiply } = await started;
      const [rows, cols] = [5, 32];
      const { packed, values } = quantized(rows, cols);
      const w = packedTensor(rows, cols, packed, format);
      for (let at = 0; at < cols; at++) {
        const x = randomFloats(cols);
        x[at] = at % 2 === 0 ? 1000 : -1000;
        expectAllClose(
          multiply(w, x, { eight }),
          cpu.project(values, inputOf(x)),
          within(1000 * tolerated(cols)),
          `column ${at}, row`,
        );
      }
      w.free();
    });

    it('do not hide NaN and infinities', async () => {
      const { packedTensor, multiply } = await started;
      const w = packedTensor(33, 70, quantized(33, 70).packed, format);
      for (const broken of [NaN, Infinity, -Infinity]) {
        const x = randomFloats(5 * 70);
        x[70 + 69] = broken;
        const y = rowsOf(multiply(w, x, { eight }), 33);
        expect(y.map((row) => row.every((value) => !Number.isFinite(value)))).toEqual(
          y.map((_, row) => row === 1),
        );
        expect(y.map((row) => row.some((value) => !Number.isFinite(value)))).toEqual(
          y.map((_, row) => row === 1),
        );
      }
      w.free();
    });
  });
});

it('The input of 4-bit weights gives the same to the bit wherever its numbers lie, with any instructions', async () => {
  const subjects = await Promise.all(
    instructionsHere().map(async (instructions) => {
      const memory = new LinearMemory();
      return { memory, kernels: startKernels(await compileKernels(instructions), memory.memory) };
    }),
  );
  // A group of columns, whose sum is rounded once, as it is whether or not products are added in one instruction.
  for (const [cols, rows] of [
    [1, 33],
    [15, 5],
    [32, 70],
  ] as const) {
    const packed = quantizeRows(randomFloats(rows * cols), cols, 'q4');
    const x = randomFloats(16 * cols);
    for (const [eight, count] of [true, false].flatMap((eight) =>
      [1, 2, 3, 4, 7, 16].map((count) => [eight, count] as const),
    )) {
      const all = subjects.flatMap(({ memory, kernels }) => {
        const w = new WasmTensor(memory, kernels, { rows, cols, vector: false });
        w.putPacked(0, packed, 'q4');
        const layouts = [inputLayout(false, eight)];
        if (kernels.bytesAreFast(-1) === 1) layouts.push(inputLayout(true, eight));
        const rowsOfX = x.subarray(0, count * cols);
        const products = layouts.map((layout) =>
          multiplyAs(layout, { memory, kernels }, w, rowsOfX, { eight }),
        );
        w.free();
        return products;
      });
      for (const other of all.slice(1)) {
        expect(other, `${rows} × ${cols}, ${count} rows, 8 bits: ${eight}`).toEqual(all[0]);
      }
    }
  }
});
