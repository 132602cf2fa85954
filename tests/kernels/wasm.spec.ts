import { describe, expect, it } from 'vitest';
import { f16Table, toF16Bits } from '../../gpu/numbers/element-type.ts';
import { attend } from '../support/attend.ts';
import { gelu } from '../../gpu/reference/less-state.ts';
import * as cpu from '../../gpu/reference/math.ts';
import { headsBytes, scoreStrideOf, tileBytes } from '../../gpu/wasm/attend-rows.ts';
import { compileKernels, instructionsHere, startKernels, type Kernels } from '../../gpu/wasm/kernels.ts';
import { widenedBytes } from '../../gpu/wasm/layer-scratch.ts';
import { LinearMemory } from '../../gpu/wasm/linear-memory.ts';
import { padded } from '../../gpu/numbers/panels.ts';
import { WasmTensor } from '../../gpu/wasm/tensor.ts';
import { expectAllClose } from '../support/all-close.ts';
import { matrixShapes, putRows } from '../support/linear-rows.ts';
import { headShapes, joined, randomFloats, rowsOf, stored, within } from '../support/kernels.ts';

// The twin sums in float64. Here at most 520 products of numbers below 1 are summed in float32.
const dotTolerance = within(2e-5);
/** One, a remainder only, groups of four only, both, and sixes with a four and a remainder. */
const counts = [1, 3, 4, 9, 23];

it('This browser or Node has WebAssembly with SIMD', () => {
  expect(instructionsHere()).toContain('simd');
});

describe.each(instructionsHere())('WebAssembly with %s', (instructions) => {
  const started = compileKernels(instructions).then((code) => {
    const memory = new LinearMemory();
    return { memory, kernels: startKernels(code, memory.memory) };
  });

  const matrix = (memory: LinearMemory, kernels: Kernels, rows: number, values: Float32Array) => {
    const tensor = new WasmTensor(memory, kernels, { rows, cols: values.length / rows, vector: false });
    tensor.put(0, values);
    return tensor;
  };

  it('keeps every half below 128 in 16 bits, to the bit, and every other number in 32', async () => {
    const { memory, kernels } = await started;
    const halves = f16Table().filter((value) => Math.abs(value) < 128);
    const small = matrix(memory, kernels, 1, halves);
    expect(small.format).toBe('f16');
    expect([...new Uint32Array(small.values().buffer)]).toEqual([...new Uint32Array(halves.slice().buffer)]);

    for (const other of [128, -65504, Infinity, NaN, 1e-3, 2 ** -25, 1 + 2 ** -11, 1e30, -1e-40]) {
      const values = Float32Array.of(0.5, other, -0.25);
      const wide = matrix(memory, kernels, 1, values);
      expect(wide.format, `${other}`).toBe('f32');
      expect([...wide.values()]).toEqual([...values]);
      wide.free();
    }
    small.free();
  });

  it('widens a matrix whose later rows do not fit half precision', async () => {
    const { memory, kernels } = await started;
    const before = memory.allocatedBytes;
    const [rows, cols] = [70, 5];
    const first = stored(randomFloats(40 * cols), 'f16').values;
    const second = randomFloats(30 * cols);
    const tensor = new WasmTensor(memory, kernels, { rows, cols, vector: false });
    tensor.put(0, first);
    expect(tensor.format).toBe('f16');
    tensor.put(40, second);
    expect(tensor.format).toBe('f32');
    expect([...tensor.values()]).toEqual([...first, ...second]);
    tensor.free();
    expect(memory.allocatedBytes).toBe(before);
  });

  it.each(['f32', 'f16'] as const)('multiplies %s matrices, plain, biased and onto sums', async (type) => {
    const { memory, kernels } = await started;
    for (const [rows, cols] of matrixShapes) {
      const { values } = stored(randomFloats(rows * cols), type);
      const w = matrix(memory, kernels, rows, values);
      expect(w.format).toBe(type);
      const bias = randomFloats(rows);
      const biasAt = putRows(memory, bias);
      const [beside, wide] = [4 * padded(cols) * Math.max(...counts), widenedBytes(cols)].map((bytes) =>
        memory.allocate('test', bytes),
      ) as [number, number];
      for (const count of counts) {
        const x = randomFloats(count * cols);
        const before = randomFloats(count * rows);
        const [xAt, yAt] = [putRows(memory, x, cols), putRows(memory, before, rows)];
        const strides = { x: 4 * padded(cols), y: 4 * padded(rows) };
        const read = () =>
          joined(Array.from({ length: count }, (_, i) => memory.floats(yAt + strides.y * i, rows).slice()));
        kernels.putBeside(xAt, strides.x, cols, count, beside);
        const multiply = (biased: boolean, onto: boolean) =>
          kernels.project(
            type === 'f16',
            w.address,
            cols,
            w.panels,
            biased ? biasAt : 0,
            xAt,
            strides.x,
            yAt,
            strides.y,
            count,
            onto,
            beside,
            wide,
            onto,
          );
        const what = `${rows} × ${cols}, ${count} rows`;

        multiply(true, true);
        const biased = joined(rowsOf(x, cols).map((row) => cpu.project(values, row, bias)));
        const onto = biased.map((value, i) => value + (before[i] ?? 0));
        expectAllClose(read(), onto, dotTolerance, `${what}, biased onto, number`);
        multiply(false, false);
        const plain = joined(rowsOf(x, cols).map((row) => cpu.project(values, row)));
        expectAllClose(read(), plain, dotTolerance, `${what}, plain, number`);
        memory.free(xAt);
        memory.free(yAt);
      }
      memory.free(biasAt);
      memory.free(beside);
      memory.free(wide);
      w.free();
    }
  });

  it.each(['f16', 'f32', 'f16 from memory'])('gives a row what it gets alone, to the bit: %s', async (of) => {
    const type = of === 'f32' ? 'f32' : 'f16';
    const { memory, kernels } = await started;
    for (const [rows, cols] of [
      [35, 37],
      [64, 100],
      // Wider than a piece, and narrower than the sums that wait for the next one.
      [64, 20],
    ] as const) {
      const w = matrix(memory, kernels, rows, stored(randomFloats(rows * cols, 2), type).values);
      const most = 50;
      const [xAt, yAt] = [
        putRows(memory, randomFloats(most * cols), cols),
        putRows(memory, new Float32Array(most * rows), rows),
      ];
      const strides = { x: 4 * padded(cols), y: 4 * padded(rows) };
      const beside = memory.allocate('test', 4 * padded(cols) * most);
      const wide = memory.allocate('test', widenedBytes(cols));
      const behind = memory.allocate('test', 1024);
      const multiply = (first: number, count: number) => {
        const [x, y] = [xAt + strides.x * first, yAt + strides.y * first];
        kernels.putBeside(x, strides.x, cols, count, beside);
        const half = type === 'f16';
        kernels.project(
          half,
          w.address,
          cols,
          w.panels,
          0,
          x,
          strides.x,
          y,
          strides.y,
          count,
          false,
          beside,
          wide,
          of === 'f16 from memory' && count > 1,
        );
        return Array.from({ length: count }, (_, i) => [...memory.floats(y + strides.y * i, rows)]);
      };
      const alone = Array.from({ length: most }, (_, row) => multiply(row, 1)[0]);
      for (const count of [2, 4, 5, 8, 11, 15, 16, 17, 18, 19, 20, 21, 22, 26, 48, 49, 50]) {
        expect(multiply(0, count), `${count} rows`).toEqual(alone.slice(0, count));
      }
      expect(memory.floats(behind, 256).every((number) => number === 0)).toBe(true);
      for (const each of [xAt, yAt, beside, wide, behind]) memory.free(each);
      w.free();
    }
  });

  it('multiplies by the smallest halves and by large activations', async () => {
    const { memory, kernels } = await started;
    const values = Float32Array.from([2 ** -24, -(2 ** -24), 3 * 2 ** -24, 2 ** -14, 127.9375, -0]);
    const w = matrix(memory, kernels, 6, values);
    expect(w.format).toBe('f16');
    for (const activation of [1, 2 ** 24, -(2 ** -60), 0]) {
      const [x, y] = [putRows(memory, Float32Array.of(activation)), putRows(memory, new Float32Array(6))];
      kernels.project(true, w.address, 1, 1, 0, x, 128, y, 128, 1, false, 0, 0, false);
      expect([...memory.floats(y, 6)]).toEqual([...values.map((value) => value * activation + 0)]);
      memory.free(x);
      memory.free(y);
    }
    w.free();
  });

  it('norms rows and heads, and turns heads', async () => {
    const { memory, kernels } = await started;
    for (const cols of [1, 5, 37, 192]) {
      const [x, gain] = [randomFloats(3 * cols, 3), randomFloats(cols)];
      const [xAt, gainAt, yAt] = [
        putRows(memory, x, cols),
        putRows(memory, gain),
        putRows(memory, new Float32Array(3 * cols), cols),
      ];
      const stride = 4 * padded(cols);
      kernels.rmsNorm(xAt, stride, gainAt, cols, 1e-5, yAt, stride, 3);
      rowsOf(x, cols).forEach((row, i) =>
        expectAllClose(
          memory.floats(yAt + stride * i, cols),
          cpu.rmsNorm(row, gain, 1e-5),
          1e-6,
          `row ${i} of ${cols}, number`,
        ),
      );
    }
    for (const [heads, , headDim] of headShapes) {
      const [x, gain, table] = [
        randomFloats(heads * headDim, 2),
        randomFloats(headDim),
        randomFloats(headDim),
      ];
      const at = putRows(memory, x);
      kernels.normHeads(at, putRows(memory, gain), heads, headDim, 1e-5);
      kernels.rotate(at, putRows(memory, table), heads, headDim);
      const expected = cpu.headsOf(x, headDim).map((head) => {
        const normed = cpu.rmsNorm(head, gain, 1e-5);
        cpu.rotate(normed, table);
        return normed;
      });
      expectAllClose(memory.floats(at, x.length), joined(expected), 2e-6, `${heads} of ${headDim}, number`);
    }
  });

  it('is silu(gate) · up, for gates of any size', async () => {
    const { memory, kernels } = await started;
    const gates = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 10);
    const ups = randomFloats(gates.length, 2);
    const [gateAt, upAt] = [putRows(memory, gates), putRows(memory, ups)];
    kernels.swiglu(gateAt, upAt, 4 * padded(gates.length));
    expectAllClose(memory.floats(gateAt, gates.length), cpu.swiglu(gates, ups), within(1e-6), 'gate');

    const broken = putRows(memory, Float32Array.of(NaN, 1, 2, 3));
    kernels.swiglu(broken, upAt, 16);
    expect(memory.floats(broken, 1)[0]).toBeNaN();
  });

  it('computes gelu like the twin, and features without their sign', async () => {
    const { memory, kernels } = await started;
    const values = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 80);
    const x = putRows(memory, values);
    kernels.gelu(x, 4 * padded(values.length));
    const expected = values.map(gelu);
    expectAllClose(memory.floats(x, values.length), expected, within(1e-6), 'x');
    kernels.absolute(x, 4 * padded(values.length));
    expectAllClose(memory.floats(x, values.length), expected.map(Math.abs), within(1e-6), 'x');
  });

  it('rounds to half precision like the twin', async () => {
    const { memory, kernels } = await started;
    const odd = [
      0,
      -0,
      1e-8,
      2 ** -25,
      2 ** -24,
      3 * 2 ** -26,
      6.1e-5,
      65504,
      65519.9,
      65520,
      Infinity,
      -Infinity,
    ];
    const values = joined([Float32Array.from([...odd, NaN]), randomFloats(999, 10), randomFloats(999, 1e-4)]);
    const [x, y] = [putRows(memory, values), memory.allocate('halves', 2 * values.length)];
    kernels.storeHalves(x, y, values.length);
    expect([...new Uint16Array(memory.memory.buffer, y, values.length)]).toEqual([...values].map(toF16Bits));
  });

  describe.each(['f32', 'f16'] as const)('attention over %s rows', (type) => {
    it.each([...headShapes, [4, 2, 10] as const])(
      'equals the twin with %i heads on %i KV heads of %i numbers, in one run of rows or two',
      async (heads, kvHeads, headDim) => {
        const { memory, kernels } = await started;
        const rowSize = 2 * kvHeads * headDim;
        for (const keys of [1, 2, 7, 70]) {
          const text = stored(randomFloats(keys * rowSize, 2), type);
          const bytes = new Uint8Array(text.data.buffer, 0, text.data.byteLength);
          const kv = memory.allocate('kv', bytes.length + 16);
          new Uint8Array(memory.memory.buffer, kv).set(bytes);
          const q = randomFloats(heads * headDim, 2);
          const qAt = putRows(memory, q);
          const stride = 4 * padded(keys);
          const scores = memory.allocate('scores', heads * stride);
          const widened = memory.allocate('widened', 16 * padded(headDim));
          const y = memory.allocate('y', 4 * q.length);

          const rowBytes = bytes.length / keys;
          const cut = Math.floor(keys / 3);
          const half = type === 'f16';
          for (const [from, to] of [
            [0, cut],
            [cut, keys],
          ] as const) {
            const at = kv + from * rowBytes;
            kernels.scoreKeys(
              half,
              qAt,
              heads,
              kvHeads,
              headDim,
              at,
              2 * kvHeads * headDim * (half ? 2 : 4),
              to - from,
              scores + 4 * from,
              stride,
              widened,
            );
          }
          kernels.soften(scores, stride, heads, keys);
          const values = kv + rowBytes / 2;
          kernels.mixValues(
            half,
            scores,
            stride,
            heads,
            kvHeads,
            headDim,
            values,
            rowBytes,
            keys,
            y,
            widened,
          );

          const expected = attend(
            q,
            keys - 1,
            { windowTokens: Infinity, diagonal: true },
            { kvHeads, headDim },
            (position, part, into) => {
              const start = position * rowSize + part * into.length;
              into.set(text.values.subarray(start, start + into.length));
            },
          );
          expectAllClose(memory.floats(y, q.length), expected, within(1e-5), `${keys} keys, number`);

          const [room, rowScores, stridePlus] = [
            memory.allocate('room', headsBytes(headDim)),
            memory.allocate('scores', heads * scoreStrideOf(keys)),
            scoreStrideOf(keys),
          ];
          const runs = [kv, cut, kv + cut * rowBytes, keys - cut];
          const once = memory.allocate('y', 4 * q.length);
          const shape = [heads, kvHeads, headDim, rowBytes] as const;
          const tableAt = tileBytes(headDim);
          kernels.attendRow(half, qAt, once, ...shape, rowScores, stridePlus, room, tableAt, 2, ...runs);
          expectAllClose(
            memory.floats(once, q.length),
            expected,
            within(1e-5),
            `${keys} keys at once, number`,
          );
          for (const address of [kv, qAt, scores, widened, y, room, rowScores, once]) memory.free(address);
        }
      },
    );
  });

  it.each([1, 4, 5])(
    'reads infinities, NaN and the smallest numbers of a half-precision cache of %i rows',
    async (rows) => {
      const { memory, kernels } = await started;
      const numbers = [Infinity, -Infinity, NaN, 2 ** -24, -(2 ** -15), 65504, -0, 1];
      // Other rows are zeros, and count nothing.
      const row = Math.floor(rows / 2);
      const kv = memory.allocate('kv', 32 * rows + 16);
      new Uint16Array(memory.memory.buffer, kv + 32 * row + 16, 8).set(numbers.map(toF16Bits));
      const weights = putRows(memory, Float32Array.of(0, 0, 0, 0, 0).fill(1, row, row + 1));
      const [y, widened] = [memory.allocate('y', 32), memory.allocate('widened', 4 * 32)];
      kernels.mixValues(true, weights, 32, 1, 1, 8, kv + 16, 32, rows, y, widened);
      expect([...memory.floats(y, 8)]).toEqual(numbers.map((number) => number + 0));
    },
  );

  it.each([8, 10])(
    'scores infinite keys of a half-precision cache, and NaN, of heads of %i',
    async (headDim) => {
      const { memory, kernels } = await started;
      const attended = (key: number) => {
        const rowBytes = 4 * headDim;
        const kv = memory.allocate('kv', 3 * rowBytes + 16);
        const halves = new Uint16Array(memory.memory.buffer, kv, 6 * headDim).fill(toF16Bits(1));
        halves[2 * headDim + 1] = toF16Bits(key);
        const q = putRows(memory, new Float32Array(headDim).fill(1e-5));
        const [room, y] = [memory.allocate('room', headsBytes(headDim)), memory.allocate('y', 4 * headDim)];
        const scores = memory.allocate('scores', scoreStrideOf(3));
        const shape = [1, 1, headDim, rowBytes] as const;
        kernels.attendRow(true, q, y, ...shape, scores, scoreStrideOf(3), room, tileBytes(headDim), 1, kv, 3);
        return [...memory.floats(y, headDim)];
      };
      // As 65,536 a score would be 0.66, and the others still count.
      expect(attended(Infinity).every(Number.isNaN)).toBe(true);
      expect(attended(NaN).every(Number.isNaN)).toBe(true);
      for (const value of attended(-Infinity)) expect(value).toBeCloseTo(1);
    },
  );

  it('softens to NaN if a score is NaN, and to zeros if none is above −∞', async () => {
    const { memory, kernels } = await started;
    const softened = (...scores: number[]) => {
      const at = putRows(memory, Float32Array.from(scores));
      kernels.soften(at, 128, 1, scores.length);
      return [...memory.floats(at, scores.length)];
    };
    expect(softened(-Infinity, -Infinity, -Infinity, -Infinity, -Infinity)).toEqual([0, 0, 0, 0, 0]);
    for (const scores of [[NaN], [1, NaN], [NaN, 1, 2, 3, 4], [-Infinity, NaN], [NaN, NaN, NaN, NaN, NaN]]) {
      expect(softened(...scores).some(Number.isNaN), scores.join()).toBe(true);
    }
  });
});
