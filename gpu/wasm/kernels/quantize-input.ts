/**
 * Rows of x as products with packed matrices take them. A row is [groups] of 32 columns: their numbers, a scale in float32,
 * and the sum of the numbers. A number has 16 bits, and is off by at most 2^-16 of the largest one of its group; or, if
 * that is asked for, 8 bits and 2^-8.
 *
 * Numbers lie one after the other as 16-bit numbers, or, for 4 bits where products of bytes are fast, in bytes, in the order
 * in which a mask leaves nibbles (packed.ts):
 *
 * - of 16 bits in two bytes each, n = 256 · high + low, both with signs. Eight columns are four words: the high bytes of
 *   columns 0, 4, 1, 5, their low ones, and the same of columns 2, 6, 3, 7;
 * - of 8 bits in one. Eight columns are two words: columns 0, 4, 1, 5, and columns 2, 6, 3, 7.
 */
import { groupsOf } from './packed';

/** Bytes of the numbers of a group, and where its scale and its sum lie. */
export const NUMBERS: usize = 64;
export const X_SCALE: usize = 64;
export const X_SUM: usize = 68;
export const X_GROUP: usize = 72;

/** Where the numbers of a row lie. */
export const WORDS: i32 = 0;
export const TWO_BYTES: i32 = 1;
export const ONE_BYTE: i32 = 2;

/** The largest number of 16 bits whose high byte is below 128: 127 · 256 + 127. */
const LARGEST_OF_16: f32 = 32639;
const LARGEST_OF_8: f32 = 127;

/**
 * Quantizes `count` rows of x, whose padding is zero. A row with NaN or an infinity has the scale NaN or infinity.
 *
 * @param eight whether a number gets 8 bits, as it must for ONE_BYTE
 */
export function quantizeInput(
  layout: i32,
  eight: bool,
  x: usize,
  xStride: usize,
  cols: i32,
  count: i32,
  into: usize,
): void {
  const groups = groupsOf(cols);
  const most = eight ? LARGEST_OF_8 : LARGEST_OF_16;
  // Beside 1.5 · 2^23 there is no room for a fraction, and a whole number is what the sum's low bits are.
  const whole = f32x4.splat(12582912);
  const magnitude = i32x4.splat(0x7fffffff);
  for (let row = 0; row < count; row++) {
    let from = x + <usize>row * xStride;
    for (let group = 0; group < groups; group++) {
      // The bits of magnitudes compare like whole numbers, NaN above infinity: one instruction, f32x4.max is several.
      let magnitudes = v128.and(v128.load(from), magnitude);
      for (let at: usize = 16; at < 128; at += 16) {
        magnitudes = i32x4.max_s(magnitudes, v128.and(v128.load(from + at), magnitude));
      }
      magnitudes = i32x4.max_s(magnitudes, v128.shuffle<i32>(magnitudes, magnitudes, 2, 3, 0, 1));
      magnitudes = i32x4.max_s(magnitudes, v128.shuffle<i32>(magnitudes, magnitudes, 1, 0, 3, 2));
      const largest = f32x4.extract_lane(magnitudes, 0);
      // Below 2^-100 the inverse of a scale would overflow, and no product shows a difference.
      const tiny = largest < reinterpret<f32>((127 - 100) << 23);
      const inverse = f32x4.splat(tiny ? 0 : most / largest);
      let sum = i32x4.splat(0);
      for (let at: usize = 0; at < NUMBERS; at += 16) {
        const low = f32x4.add(f32x4.mul(v128.load(from), inverse), whole);
        const high = f32x4.add(f32x4.mul(v128.load(from, 16), inverse), whole);
        const numbers = i16x8.narrow_i32x4_s(i32x4.sub(low, whole), i32x4.sub(high, whole));
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(numbers, i16x8.splat(1)));
        if (layout == ONE_BYTE) store<u64>(into + at / 2, oneByteOf(numbers));
        else v128.store(into + at, layout == TWO_BYTES ? bytesOf(numbers) : numbers);
        from += 32;
      }
      store<f32>(into, tiny ? 0 : largest / most, X_SCALE);
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

/** The low bytes of eight numbers, in that order. */
function oneByteOf(numbers: v128): u64 {
  return i64x2.extract_lane(
    i8x16.shuffle(numbers, numbers, 0, 8, 2, 10, 4, 12, 6, 14, 0, 8, 2, 10, 4, 12, 6, 14),
    0,
  );
}

/** What the whole numbers of a group of four rows start from: they are counted from 0 instead of from -8 or -128. */
export function startOf(q8: bool, x: usize): v128 {
  return i32x4.splat(-load<i32>(x, X_SUM) * (q8 ? 128 : 8));
}
