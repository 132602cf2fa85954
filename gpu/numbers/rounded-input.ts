import { groupSize } from './quantize.ts';

const LARGEST = 127;
/** Below it nothing is told from zero. */
const LEAST = 2 ** -100;
/** Beside it float32 has no room for a fraction. */
const WHOLE = 1.5 * 2 ** 23;

/**
 * A row as the input of a product whose weights are chosen as `w4a8`: each number becomes a multiple of 1/127 of the largest
 * magnitude in its group of columns, the nearest one. That is how `gpu/wasm/kernels/quantize-input.ts` rounds to 8 bits.
 *
 * @param x `[cols]`
 */
export function roundedInput(x: Float32Array): Float32Array<ArrayBuffer> {
  const rounded = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += groupSize) {
    const group = x.subarray(start, start + groupSize);
    const largest = group.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest < LEAST) continue;
    const inverse = Math.fround(LARGEST / largest);
    const scale = Math.fround(largest / LARGEST);
    for (const [i, value] of group.entries()) {
      const whole = Math.fround(Math.fround(value * inverse) + WHOLE) - WHOLE;
      rounded[start + i] = whole * scale;
    }
  }
  return rounded;
}
