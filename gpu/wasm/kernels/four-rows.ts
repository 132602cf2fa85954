/**
 * Four or six rows of x through a matrix of halves, whose numbers become float32 once for all of them: in registers, or,
 * for many rows, in memory.
 *
 * Engines allot registers to a loop as it is written. One that tests at its end gets its constants and the addresses of
 * its loads before it, and one that uses the numbers that it loads at once, the last sum first, keeps all sums in
 * registers. Otherwise a sum goes through memory in every round, at half the speed.
 */
import { kept, multiplyAdd } from './lanes';
import { HALF_BITS, HALF_COL, highHalves, LEFT, lowHalves, raise } from './panels';

/** For so many rows it is faster to widen halves once for all. Fused multiply-adds leave time to do it in between. */
export const WORTH_WIDENING: i32 = ASC_FEATURE_RELAXED_SIMD ? 16 : 12;

/**
 * How many times six rows go through a matrix together, before the fours. Twelve sums hide how long a fused multiply-add
 * takes, which eight do not; without fused ones there are not enough registers for them.
 */
export function sixesOf(count: i32): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD || count < WORTH_WIDENING) return 0;
  // What is left over are four or eight rows, and perhaps one.
  return (count & ~1) % 6 == 2 ? count / 6 - 1 : count / 6;
}

/** Bytes of a row of x among others beside each other. */
export function bytesBeside(cols: i32): usize {
  return (<usize>((cols + 3) & ~3)) << 2;
}

/** Puts four rows of x side by side, raised: `[cols, 4]`, `cols` rounded up to fours. */
export function fourBesideEachOther(x: usize, xStride: usize, cols: i32, into: usize): void {
  const factor = f32x4.splat(raise);
  for (const end = into + 4 * bytesBeside(cols); into < end; into += 64) {
    const a = f32x4.mul(v128.load(x), factor);
    const b = f32x4.mul(v128.load(x + xStride), factor);
    const c = f32x4.mul(v128.load(x + 2 * xStride), factor);
    const d = f32x4.mul(v128.load(x + 3 * xStride), factor);
    storeFour(a, b, c, d, into, 16);
    x += 16;
  }
}

/** Puts six rows of x side by side, raised: `[cols, 6]`, `cols` rounded up to fours. */
export function sixBesideEachOther(x: usize, xStride: usize, cols: i32, into: usize): void {
  const factor = f32x4.splat(raise);
  for (const end = into + 6 * bytesBeside(cols); into < end; into += 96) {
    const a = f32x4.mul(v128.load(x), factor);
    const b = f32x4.mul(v128.load(x + xStride), factor);
    const c = f32x4.mul(v128.load(x + 2 * xStride), factor);
    const d = f32x4.mul(v128.load(x + 3 * xStride), factor);
    storeFour(a, b, c, d, into, 24);
    const e = f32x4.mul(v128.load(x + 4 * xStride), factor);
    const f = f32x4.mul(v128.load(x + 5 * xStride), factor);
    const ef01 = v128.shuffle<f32>(e, f, 0, 4, 1, 5);
    const ef23 = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
    v128.store64_lane(into, ef01, 0, 16);
    v128.store64_lane(into, ef01, 1, 40);
    v128.store64_lane(into, ef23, 0, 64);
    v128.store64_lane(into, ef23, 1, 88);
    x += 16;
  }
}

/** Stores four columns of four rows, each column in a vector, `apart` bytes apart. */
function storeFour(a: v128, b: v128, c: v128, d: v128, into: usize, apart: usize): void {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(into, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(into + apart, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
  v128.store(into + 2 * apart, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5));
  v128.store(into + 3 * apart, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
}

/** Bytes of the sums of eight rows of a panel for four rows of x. */
export const SUMS: usize = 128;

/**
 * Eight rows of a panel for four rows of x, or a piece of their columns.
 *
 * @param w    the vector of the panel's first column
 * @param cols at least 1
 * @param x    as {@link fourBesideEachOther} puts it
 * @param sums {@link SUMS} bytes, in which they wait between one piece and the next
 */
export function fourByHalves(
  w: usize,
  cols: i32,
  bias: usize,
  x: usize,
  sums: usize,
  isFirst: bool,
  isLast: bool,
  y: usize,
  yStride: usize,
  onto: bool,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  if (!isFirst) {
    a0 = v128.load(sums);
    a1 = v128.load(sums, 16);
    b0 = v128.load(sums, 32);
    b1 = v128.load(sums, 48);
    c0 = v128.load(sums, 64);
    c1 = v128.load(sums, 80);
    d0 = v128.load(sums, 96);
    d1 = v128.load(sums, 112);
  }
  const bits = kept(HALF_BITS, cols);
  const left = kept(LEFT, cols);
  const end = x + ((<usize>cols) << 4);
  do {
    const words = v128.load(w);
    const low = lowHalves(words, bits, left);
    const high = highHalves(words, bits);
    const xd = v128.load32_splat(x, 12);
    d1 = multiplyAdd(d1, xd, high);
    d0 = multiplyAdd(d0, xd, low);
    const xc = v128.load32_splat(x, 8);
    c1 = multiplyAdd(c1, xc, high);
    c0 = multiplyAdd(c0, xc, low);
    const xb = v128.load32_splat(x, 4);
    b1 = multiplyAdd(b1, xb, high);
    b0 = multiplyAdd(b0, xb, low);
    const xa = v128.load32_splat(x);
    a1 = multiplyAdd(a1, xa, high);
    a0 = multiplyAdd(a0, xa, low);
    w += HALF_COL;
    x += 16;
  } while (x < end);
  if (!isLast) {
    v128.store(sums, a0);
    v128.store(sums, a1, 16);
    v128.store(sums, b0, 32);
    v128.store(sums, b1, 48);
    v128.store(sums, c0, 64);
    v128.store(sums, c1, 80);
    v128.store(sums, d0, 96);
    v128.store(sums, d1, 112);
    return;
  }
  finishTwo(y, bias, onto, a0, a1);
  finishTwo(y + yStride, bias, onto, b0, b1);
  finishTwo(y + 2 * yStride, bias, onto, c0, c1);
  finishTwo(y + 3 * yStride, bias, onto, d0, d1);
}

/** Bytes of a column of eight rows that {@link widenEight} writes. */
const WIDE_COL: usize = 32;

/** Eight rows of a panel as lowered float32, `[cols, 8]`, in the order in which {@link fourByHalves} takes them. */
export function widenEight(w: usize, cols: i32, into: usize): void {
  const bits = kept(HALF_BITS, cols);
  const left = kept(LEFT, cols);
  const end = into + <usize>cols * WIDE_COL;
  do {
    const words = v128.load(w);
    v128.store(into, lowHalves(words, bits, left));
    v128.store(into, highHalves(words, bits), 16);
    w += HALF_COL;
    into += WIDE_COL;
  } while (into < end);
}

/** {@link fourByHalves} of rows that {@link widenEight} has widened: the same sums. */
export function fourByWide(
  wide: usize,
  cols: i32,
  bias: usize,
  x: usize,
  y: usize,
  yStride: usize,
  onto: bool,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  const end = x + ((<usize>cols) << 4);
  do {
    const low = v128.load(wide);
    const high = v128.load(wide, 16);
    const xd = v128.load32_splat(x, 12);
    d1 = multiplyAdd(d1, xd, high);
    d0 = multiplyAdd(d0, xd, low);
    const xc = v128.load32_splat(x, 8);
    c1 = multiplyAdd(c1, xc, high);
    c0 = multiplyAdd(c0, xc, low);
    const xb = v128.load32_splat(x, 4);
    b1 = multiplyAdd(b1, xb, high);
    b0 = multiplyAdd(b0, xb, low);
    const xa = v128.load32_splat(x);
    a1 = multiplyAdd(a1, xa, high);
    a0 = multiplyAdd(a0, xa, low);
    wide += WIDE_COL;
    x += 16;
  } while (x < end);
  finishTwo(y, bias, onto, a0, a1);
  finishTwo(y + yStride, bias, onto, b0, b1);
  finishTwo(y + 2 * yStride, bias, onto, c0, c1);
  finishTwo(y + 3 * yStride, bias, onto, d0, d1);
}

/** {@link fourByWide} for six rows of x, as {@link sixBesideEachOther} puts them. */
export function sixByWide(
  wide: usize,
  cols: i32,
  bias: usize,
  x: usize,
  y: usize,
  yStride: usize,
  onto: bool,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  let e0 = a0;
  let e1 = a0;
  let f0 = a0;
  let f1 = a0;
  const end = x + <usize>cols * 24;
  do {
    const low = v128.load(wide);
    const high = v128.load(wide, 16);
    const xf = v128.load32_splat(x, 20);
    f1 = multiplyAdd(f1, xf, high);
    f0 = multiplyAdd(f0, xf, low);
    const xe = v128.load32_splat(x, 16);
    e1 = multiplyAdd(e1, xe, high);
    e0 = multiplyAdd(e0, xe, low);
    const xd = v128.load32_splat(x, 12);
    d1 = multiplyAdd(d1, xd, high);
    d0 = multiplyAdd(d0, xd, low);
    const xc = v128.load32_splat(x, 8);
    c1 = multiplyAdd(c1, xc, high);
    c0 = multiplyAdd(c0, xc, low);
    const xb = v128.load32_splat(x, 4);
    b1 = multiplyAdd(b1, xb, high);
    b0 = multiplyAdd(b0, xb, low);
    const xa = v128.load32_splat(x);
    a1 = multiplyAdd(a1, xa, high);
    a0 = multiplyAdd(a0, xa, low);
    wide += WIDE_COL;
    x += 24;
  } while (x < end);
  finishTwo(y, bias, onto, a0, a1);
  finishTwo(y + yStride, bias, onto, b0, b1);
  finishTwo(y + 2 * yStride, bias, onto, c0, c1);
  finishTwo(y + 3 * yStride, bias, onto, d0, d1);
  finishTwo(y + 4 * yStride, bias, onto, e0, e1);
  finishTwo(y + 5 * yStride, bias, onto, f0, f1);
}

/** Eight numbers of y: the sums, plus the bias if there is one, plus what is there if they add onto that. */
export function finishTwo(y: usize, bias: usize, onto: bool, low: v128, high: v128): void {
  if (bias != 0) {
    low = f32x4.add(low, v128.load(bias));
    high = f32x4.add(high, v128.load(bias, 16));
  }
  if (onto) {
    low = f32x4.add(low, v128.load(y));
    high = f32x4.add(high, v128.load(y, 16));
  }
  v128.store(y, low);
  v128.store(y, high, 16);
}
