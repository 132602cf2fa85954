/**
 * Four rows of x through a matrix of halves, whose numbers become float32 in registers: once for four rows.
 *
 * Engines allot registers to a loop as it is written. One that tests at its end gets its constants and the addresses of
 * its loads before it, and one that uses the numbers that it loads at once, the last sum first, keeps all sums in
 * registers. Otherwise a sum goes through memory in every round, at half the speed.
 */
import { multiplyAdd } from './lanes';
import { HALF_COL, highHalves, lowHalves, raise } from './panels';

/** Bytes that {@link besideEachOther} writes for four rows. */
export function bytesOfFour(cols: i32): usize {
  return (<usize>((cols + 3) & ~3)) << 4;
}

/** Puts four rows of x side by side, raised: `[cols, 4]`, `cols` rounded up to fours. */
export function besideEachOther(x: usize, xStride: usize, cols: i32, into: usize): void {
  const factor = f32x4.splat(raise);
  for (const end = into + bytesOfFour(cols); into < end; into += 64) {
    const a = f32x4.mul(v128.load(x), factor);
    const b = f32x4.mul(v128.load(x + xStride), factor);
    const c = f32x4.mul(v128.load(x + 2 * xStride), factor);
    const d = f32x4.mul(v128.load(x + 3 * xStride), factor);
    const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(into, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
    v128.store(into, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7), 16);
    v128.store(into, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5), 32);
    v128.store(into, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7), 48);
    x += 16;
  }
}

/**
 * Eight rows of a panel for four rows of x.
 *
 * @param w    the vector of the panel's first column
 * @param cols at least 1
 * @param x    as {@link besideEachOther} puts it
 */
export function fourByHalves(
  w: usize,
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
    const words = v128.load(w);
    const low = lowHalves(words);
    const high = highHalves(words);
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
  finishTwo(y, bias, onto, a0, a1);
  finishTwo(y + yStride, bias, onto, b0, b1);
  finishTwo(y + 2 * yStride, bias, onto, c0, c1);
  finishTwo(y + 3 * yStride, bias, onto, d0, d1);
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
