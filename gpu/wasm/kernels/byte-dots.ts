/** Products of bytes, which relaxed SIMD has, and whether the engine is fast at them. */

/**
 * sum + (four columns of x) · (four columns of each of four rows), in bytes.
 *
 * Engines may take the byte of a weight as one with a sign or without: 15 at most is the same in both. They may add two
 * products in 16 bits: 2 · 128 · 15 fits.
 */
export function addFourColumns(sum: v128, x: v128, w: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum) : sum;
}

/**
 * Whether the engine makes such products in one instruction. On an x86 processor without AVX-VNNI it takes three, which is
 * slower than 16-bit products, and there the sums of two products saturate at 2^15 - 1: here they would be 127 · 255 · 2.
 *
 * @param all eight bits, all set: were they a constant, the compiler might answer instead of the engine
 */
export function bytesAreFast(all: i32): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return false;
  const w = i8x16.splat(<i8>all);
  const x = v128.and(w, i8x16.splat(127));
  return i32x4.extract_lane(addFourColumns(i32x4.splat(0), x, w), 0) != 2 * 32767;
}
