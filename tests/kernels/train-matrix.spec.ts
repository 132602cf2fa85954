import { expect, it } from 'vitest';
import { compileTrainKernels, startTrainKernels } from '../../gpu/train/kernels.ts';
import { matrix, Products, turn, type Matrix } from '../../gpu/train/matrix.ts';
import { PACKING_BYTES } from '../../gpu/train/space.ts';
import { LinearMemory } from '../../gpu/wasm/linear-memory.ts';
import { fc } from '../support/seeded-properties.ts';

const module = await compileTrainKernels();

function openMemory() {
  if (!module) throw new Error('this engine has no SIMD');
  const memory = new LinearMemory();
  const kernels = startTrainKernels(module, memory.memory);
  const products = new Products(kernels, memory.allocate('packing', PACKING_BYTES));
  return { memory, kernels, products };
}

it('packs into the room that the kernel asks for', () => {
  expect(openMemory().kernels.multiplyRoom()).toBeLessThanOrEqual(PACKING_BYTES);
});

it('multiplies matrices of any size, turned or not, and writes nothing beside the result', () => {
  // Beyond a block of terms, of rows and of columns, with remainders of every kind.
  const size = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }) },
    { weight: 1, arbitrary: fc.constantFrom(64, 65, 131, 257, 513) },
  );
  const shapes = fc.record({ m: size, n: size, k: size, gap: fc.nat(5) });
  const flags = fc.record({ aTurned: fc.boolean(), bTurned: fc.boolean(), onto: fc.boolean() });
  fc.assert(
    fc.property(shapes, flags, fc.nat(1000), ({ m, n, k, gap }, { aTurned, bTurned, onto }, seed) => {
      const { memory, products } = openMemory();
      const fill = (rows: number, cols: number, from: number): Matrix => {
        const stride = 4 * (cols + gap);
        const address = memory.allocate('matrix', Math.max(4, rows * stride));
        const numbers = memory.floats(address, rows * (cols + gap));
        for (let i = 0; i < numbers.length; i++) numbers[i] = Math.sin(from + 7 * i);
        return matrix(address, rows, cols, stride);
      };
      const a = aTurned ? turn(fill(k, m, seed)) : fill(m, k, seed);
      const b = bTurned ? turn(fill(n, k, seed + 1)) : fill(k, n, seed + 1);
      const c = fill(m, n, seed + 2);
      const all = new Float32Array(memory.memory.buffer);
      const at = (x: Matrix, row: number, col: number) =>
        all[(x.address + (x.turned ? col * x.stride + 4 * row : row * x.stride + 4 * col)) / 4] ?? NaN;
      const before = memory.floats(c.address, m * (n + gap)).slice();
      if (onto) products.add(c, a, b);
      else products.set(c, a, b);
      for (let row = 0; row < m; row++) {
        for (let col = 0; col < n + gap; col++) {
          const was = before[row * (n + gap) + col] ?? NaN;
          let expected = onto || col >= n ? was : 0;
          for (let i = 0; i < k && col < n; i++) expected += at(a, row, i) * at(b, i, col);
          const found = all[c.address / 4 + row * (n + gap) + col] ?? NaN;
          // One comparison in the loop: `expect` would take longer than the products.
          if (!(Math.abs(found - expected) <= 1e-5 * Math.max(1, k))) expect(found).toBe(expected);
        }
      }
    }),
    { numRuns: 40 },
  );
});

it('refuses matrices that do not fit together', () => {
  const { products } = openMemory();
  const square = (rows: number, cols: number) => matrix(64, rows, cols);
  expect(() => products.set(square(2, 3), square(2, 4), square(5, 3))).toThrow(RangeError);
  expect(() => products.set(turn(square(3, 2)), square(2, 4), square(4, 3))).toThrow(RangeError);
});
