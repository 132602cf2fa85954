/**
 * Rows of x as products with packed matrices take them. A row is [groups] of 32 columns: their numbers in 16 bits, a scale
 * in float32, and the sum of the numbers. A number is off by at most 2^-16 of the largest one of its group.
 *
 * Numbers lie one after the other as 16-bit numbers, or, for 4 bits where products of bytes are fast, in two bytes each:
 * n = 256 · high + low, both with signs. Eight columns are then four words: the high bytes of columns 0, 4, 1, 5, their
 * low ones, and the same of columns 2, 6, 3, 7. That is the order in which a mask leaves nibbles (packed.ts).
 */
import { groupsOf } from './packed';

/** Bytes of the numbers of a group, and where its scale and its sum lie. */
export const NUMBERS: usize = 64;
export const X_SCALE: usize = 64;
export const X_SUM: usize = 68;
export const X_GROUP: usize = 72;

/** The largest number whose high byte is below 128: 127 · 256 + 127. */
const LARGEST: f32 = 32639;

/**
 * Quantizes `count` rows of x, whose padding is zero. A row with NaN or an infinity has the scale NaN or infinity.
 *
 * @param bytes whether their numbers go into high and low bytes
 */
export function quantizeInput(
  bytes: bool,
  x: usize,
  xStride: usize,
  cols: i32,
  count: i32,
  into: usize,
): void {
  const groups = groupsOf(cols);
  // Beside 1.5 · 2^23 there is no room for a fraction, and a whole number is what the sum's low bits are.
  const whole = f32x4.splat(12582912);
  const magnitude = i32x4.splat(0x7fffffff);
  for (let row = 0; row < count; row++) {
    let from = x + <usize>row * xStride;
    for (let group = 0; group < groups; group++) {
      // The bits of magnitudes compare like whole numbers, NaN above infinity: one instruction, f32x4.max is several.
      let most = v128.and(v128.load(from), magnitude);
      for (let at: usize = 16; at < 128; at += 16) {
        most = i32x4.max_s(most, v128.and(v128.load(from + at), magnitude));
      }
      most = i32x4.max_s(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
      most = i32x4.max_s(most, v128.shuffle<i32>(most, most, 1, 0, 3, 2));
      const largest = f32x4.extract_lane(most, 0);
      // Below 2^-100 the inverse of a scale would overflow, and no product shows a difference.
      const tiny = largest < reinterpret<f32>((127 - 100) << 23);
      const inverse = f32x4.splat(tiny ? 0 : LARGEST / largest);
      let sum = i32x4.splat(0);
      for (let at: usize = 0; at < NUMBERS; at += 16) {
        const low = f32x4.add(f32x4.mul(v128.load(from), inverse), whole);
        const high = f32x4.add(f32x4.mul(v128.load(from, 16), inverse), whole);
        const numbers = i16x8.narrow_i32x4_s(i32x4.sub(low, whole), i32x4.sub(high, whole));
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(numbers, i16x8.splat(1)));
        v128.store(into + at, bytes ? bytesOf(numbers) : numbers);
        from += 32;
      }
      store<f32>(into, tiny ? 0 : largest / LARGEST, X_SCALE);
      sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
      sum = i32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
      store<i32>(into, i32x4.extract_lane(sum, 0), X_SUM);
      into += X_GROUP;
    }
  }
}

/** Eight numbers as high and low bytes, in the order that is described above. */
function bytesOf(numbers: v128): v128 {
  const high = i16x8.shr_s(i16x8.add(numbers, i16x8.splat(128)), 8);
  // The low byte of each word is that of the number.
  return i8x16.shuffle(high, numbers, 0, 8, 2, 10, 16, 24, 18, 26, 4, 12, 6, 14, 20, 28, 22, 30);
}

/** What the whole numbers of a group of four rows start from: they are counted from 0 instead of from -8 or -128. */
export function startOf(q8: bool, x: usize): v128 {
  return i32x4.splat(-load<i32>(x, X_SUM) * (q8 ? 128 : 8));
}
