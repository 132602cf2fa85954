/**
 * Rows of x through a matrix in 4 bits by products of bytes, which relaxed SIMD has: sixteen products and their sums in
 * one instruction. x is high and low bytes (quantize-input.ts), whose sums are added in the end, so the sums are exact.
 */
import { addFourColumns } from './byte-dots';
import { addFour, addTwo, clear, raised } from './group-sums';
import { kept } from './lanes';
import { groupBytes, SCALES } from './packed';
import { highHalves, lowHalves } from './panels';
import { NUMBERS, startOf, X_GROUP } from './quantize-input';

/** Nibbles of columns 0, 4, 1, 5, and of columns 2, 6, 3, 7. */
export function firstFour(w: v128, mask: v128): v128 {
  return v128.and(w, mask);
}

export function lastFour(w: v128, mask: v128): v128 {
  return v128.and(i16x8.shr_u(w, 4), mask);
}

/** 256 · high + low */
function joined(high: v128, low: v128): v128 {
  return i32x4.add(i32x4.shl(high, 8), low);
}

/** A panel for one row of x: sums is `[32]`. */
export function oneRowByBytes(w: usize, groups: i32, x: usize, sums: usize): void {
  const mask = kept(0x0f0f0f0f, groups);
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let scales = w;
    w += SCALES;
    for (let sixteen: usize = 0; sixteen < 128; sixteen += 64) {
      let l0 = startOf(false, x);
      let l1 = l0;
      let l2 = l0;
      let l3 = l0;
      let h0 = i32x4.splat(0);
      let h1 = h0;
      let h2 = h0;
      let h3 = h0;
      let p = x;
      const end = w + 64;
      do {
        const high = v128.load32_splat(p);
        const low = v128.load32_splat(p, 4);
        const highLast = v128.load32_splat(p, 8);
        const lowLast = v128.load32_splat(p, 12);
        const w0 = v128.load(w);
        h0 = addFourColumns(h0, high, firstFour(w0, mask));
        l0 = addFourColumns(l0, low, firstFour(w0, mask));
        h0 = addFourColumns(h0, highLast, lastFour(w0, mask));
        l0 = addFourColumns(l0, lowLast, lastFour(w0, mask));
        const w1 = v128.load(w, 64);
        h1 = addFourColumns(h1, high, firstFour(w1, mask));
        l1 = addFourColumns(l1, low, firstFour(w1, mask));
        h1 = addFourColumns(h1, highLast, lastFour(w1, mask));
        l1 = addFourColumns(l1, lowLast, lastFour(w1, mask));
        const w2 = v128.load(w, 128);
        h2 = addFourColumns(h2, high, firstFour(w2, mask));
        l2 = addFourColumns(l2, low, firstFour(w2, mask));
        h2 = addFourColumns(h2, highLast, lastFour(w2, mask));
        l2 = addFourColumns(l2, lowLast, lastFour(w2, mask));
        const w3 = v128.load(w, 192);
        h3 = addFourColumns(h3, high, firstFour(w3, mask));
        l3 = addFourColumns(l3, low, firstFour(w3, mask));
        h3 = addFourColumns(h3, highLast, lastFour(w3, mask));
        l3 = addFourColumns(l3, lowLast, lastFour(w3, mask));
        p += 16;
        w += 16;
      } while (w < end);
      w += 192;
      addFour(sums + sixteen, scales, x, joined(h0, l0), joined(h1, l1), joined(h2, l2), joined(h3, l3));
      scales += 32;
    }
    x += X_GROUP;
  }
}

/**
 * Eight rows of a panel for two rows of x: sums is `[2, 8]`.
 *
 * @param pair which eight rows
 */
export function twoRowsByBytes(
  w: usize,
  pair: usize,
  groups: i32,
  x: usize,
  xStride: usize,
  sums: usize,
): void {
  const mask = kept(0x0f0f0f0f, groups);
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let a0 = startOf(false, x);
    let a1 = a0;
    let b0 = startOf(false, x + xStride);
    let b1 = b0;
    let c0 = i32x4.splat(0);
    let c1 = c0;
    let d0 = c0;
    let d1 = c0;
    let from = w + SCALES + pair * 128;
    const end = x + NUMBERS;
    do {
      const w0 = v128.load(from);
      const w1 = v128.load(from, 64);
      const first0 = firstFour(w0, mask);
      const first1 = firstFour(w1, mask);
      const c = v128.load32_splat(x);
      c0 = addFourColumns(c0, c, first0);
      c1 = addFourColumns(c1, c, first1);
      const a = v128.load32_splat(x, 4);
      a0 = addFourColumns(a0, a, first0);
      a1 = addFourColumns(a1, a, first1);
      const d = v128.load32_splat(x + xStride);
      d0 = addFourColumns(d0, d, first0);
      d1 = addFourColumns(d1, d, first1);
      const b = v128.load32_splat(x + xStride, 4);
      b0 = addFourColumns(b0, b, first0);
      b1 = addFourColumns(b1, b, first1);
      const last0 = lastFour(w0, mask);
      const last1 = lastFour(w1, mask);
      const cLast = v128.load32_splat(x, 8);
      c0 = addFourColumns(c0, cLast, last0);
      c1 = addFourColumns(c1, cLast, last1);
      const aLast = v128.load32_splat(x, 12);
      a0 = addFourColumns(a0, aLast, last0);
      a1 = addFourColumns(a1, aLast, last1);
      const dLast = v128.load32_splat(x + xStride, 8);
      d0 = addFourColumns(d0, dLast, last0);
      d1 = addFourColumns(d1, dLast, last1);
      const bLast = v128.load32_splat(x + xStride, 12);
      b0 = addFourColumns(b0, bLast, last0);
      b1 = addFourColumns(b1, bLast, last1);
      from += 16;
      x += 16;
    } while (x < end);
    const scales = v128.load(w + 16 * pair);
    const scales0 = raised(lowHalves(scales));
    const scales1 = raised(highHalves(scales));
    x -= NUMBERS;
    addTwo(sums, joined(c0, a0), joined(c1, a1), x, scales0, scales1);
    addTwo(sums + 32, joined(d0, b0), joined(d1, b1), x + xStride, scales0, scales1);
    x += X_GROUP;
    w += groupBytes(false);
  }
}
