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
  widenRows(halves, 0, count, 1, into);
  return into;
}

/**
 * Rows of `count` halves that are `stride` apart, as `[rows, count]`. Reads and writes beyond the last row as
 * {@link widen} does.
 *
 * One loop over all rows, and one look at what is rare, let the processor fetch a row while it still widens others: keys and
 * values of a long text lie in its outer caches.
 *
 * @param count at least 1
 * @param rows  at least 1
 */
export function widenRows(halves: usize, stride: usize, count: i32, rows: i32, into: usize): void {
  const rowBytes = (<usize>count) << 2;
  const end = into + <usize>rows * rowBytes;
  let row = halves;
  let to = into;
  let greatest = i16x8.splat(0);
  do {
    let from = row;
    let at = to;
    const rowEnd = to + rowBytes;
    do {
      const eight = v128.load(from);
      greatest = i16x8.max_s(greatest, magnitudes(eight));
      putEight(eight, at);
      from += 16;
      at += 32;
    } while (at < rowEnd);
    row += stride;
    to = rowEnd;
  } while (to < end);
  if (isFinite(greatest)) return;
  row = halves;
  for (to = into; to < end; to += rowBytes) {
    widenAny(row, to + rowBytes, to);
    row += stride;
  }
}

/** Eight halves as float32; not infinities and NaN. */
export function putEight(halves: v128, into: usize): void {
  v128.store(into, finite(i32x4.extend_low_i16x8_s(halves)));
  v128.store(into, finite(i32x4.extend_high_i16x8_s(halves)), 16);
}

/** Halves without their signs. */
export function magnitudes(halves: v128): v128 {
  return v128.and(halves, i16x8.splat(0x7fff));
}

/**
 * Infinities and NaN have the greatest exponent, and are so rare that all is done again for them.
 *
 * @param greatest of {@link magnitudes}
 */
export function isFinite(greatest: v128): bool {
  return !v128.any_true(i16x8.gt_s(greatest, i16x8.splat(0x7bff)));
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
