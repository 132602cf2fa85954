import { describe, expect, it } from 'vitest';
import { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { roundedInput } from '../../../gpu/numbers/rounded-input.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { layersOf } from '../../support/arbitrary-plans.ts';
import { tinyDims } from '../../support/random-model.ts';

describe('The input of a product with 4-bit weights', () => {
  it('is rounded to multiples of 1/127 of the largest magnitude of 32 columns', () => {
    const x = new Float32Array(40);
    x.set([-254, 1, 0.9, 3, -3.1]);
    x.set([12.7, 0.04, -0.06], 32);
    const rounded = [...roundedInput(x)];
    expect(rounded.slice(0, 5)).toEqual([-254, 0, 0, 4, -4]);
    expect(rounded.slice(32, 35).map((value) => value.toFixed(4))).toEqual(['12.7000', '0.0000', '-0.1000']);
    expect([...rounded.slice(5, 32), ...rounded.slice(35)].every((value) => value === 0)).toBe(true);
  });

  it('is rounded for the matrices that are quantized, under any plan, and for no mean of them', () => {
    const stored = layersOf('0_1_2_3');
    const weights = new CpuWeights({ weights: 'w4a8', quantizeEmbeddings: false });
    for (const spec of weightSpecs(tinyDims, stored)) {
      const numbers = new Float32Array(spec.rows * spec.cols).fill(0.5);
      weights.put(spec, 0, new Uint8Array(numbers.buffer), 'f32');
    }
    const x = Float32Array.of(1, 0.3);
    const rounds = (of: CpuWeights, role: 'k' | 'v' | 'q' | 'head', layer: number) =>
      of.inputOf(role, layer, x) !== x;
    expect([rounds(weights, 'k', 1), rounds(weights, 'q', 1), rounds(weights, 'head', 0)]).toEqual([
      true,
      true,
      false,
    ]);
    // Layer 1 gets the mean of the keys and values of 0 and 1, layer 2 keeps its own.
    const other = weights.convert(stored, layersOf('1_1_2_3'));
    for (const role of ['k', 'v'] as const) {
      expect([rounds(other, role, 1), rounds(other, role, 2)]).toEqual([false, true]);
    }
    expect(rounds(other, 'q', 1)).toBe(true);
  });
});
