/** IEEE halves as float32, exactly. Loops test at their end, which keeps their constants in registers (four-rows.ts). */
import { HALF_BITS } from './panels';

/** 2^112 makes up for the difference of the exponents' biases. */
const BIASES: f32 = reinterpret<f32>((127 + 112) << 23);

/**
 * Eight halves at a time. Reads up to 14 bytes and writes up to 28 beyond the last.
 *
 * @param count at least 1
 * @returns `into`
 */
export function widen(halves: usize, count: i32, into: usize): usize {
  const end = into + ((<usize>count) << 2);
  let from = halves;
  let at = into;
  let greatest = i16x8.splat(0);
  do {
    const eight = v128.load(from);
    greatest = i16x8.max_s(greatest, v128.and(eight, i16x8.splat(0x7fff)));
    v128.store(at, finite(i32x4.extend_low_i16x8_s(eight)));
    v128.store(at, finite(i32x4.extend_high_i16x8_s(eight)), 16);
    from += 16;
    at += 32;
  } while (at < end);
  // Infinities and NaN have the greatest exponent, and are so rare that all is done again for them.
  if (v128.any_true(i16x8.gt_s(greatest, i16x8.splat(0x7bff)))) widenAny(halves, end, into);
  return into;
}

/** Four heads that are `stride` apart, side by side in `[4, headDim]`. */
export function widenFour(halves: usize, stride: usize, headDim: i32, into: usize): void {
  const bytes = (<usize>headDim) << 2;
  widen(halves, headDim, into);
  widen(halves + stride, headDim, into + bytes);
  widen(halves + 2 * stride, headDim, into + 2 * bytes);
  widen(halves + 3 * stride, headDim, into + 3 * bytes);
}

/** Halves in words, with their signs, as float32; not infinities and NaN. */
function finite(halves: v128): v128 {
  const bits = v128.and(i32x4.shl(halves, 13), i32x4.splat(HALF_BITS));
  return f32x4.mul(bits, f32x4.splat(BIASES));
}

function widenAny(halves: usize, end: usize, into: usize): void {
  for (; into < end; into += 32) {
    const eight = v128.load(halves);
    v128.store(into, any(i32x4.extend_low_i16x8_s(eight)));
    v128.store(into, any(i32x4.extend_high_i16x8_s(eight)), 16);
    halves += 16;
  }
}

function any(halves: v128): v128 {
  const magnitude = v128.and(i32x4.shl(halves, 13), i32x4.splat(0x0fffe000));
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
  return v128.or(finite(halves), special);
}
