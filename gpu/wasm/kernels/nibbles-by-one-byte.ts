/** Rows of x through a matrix in 4 bits as in nibbles-by-bytes.ts, where a number of x is one byte: half of the products. */
import { addFourColumns } from './byte-dots';
import { addFour, addTwo, clear, raised } from './group-sums';
import { kept } from './lanes';
import { firstFour, lastFour } from './nibbles-by-bytes';
import { groupBytes, SCALES } from './packed';
import { highHalves, lowHalves } from './panels';
import { startOf, X_GROUP } from './quantize-input';

/** Bytes of the numbers of a group of x. */
const BYTES: usize = 32;

/** A panel for one row of x: sums is `[32]`. */
export function oneRowByOneByte(w: usize, groups: i32, x: usize, sums: usize): void {
  const mask = kept(0x0f0f0f0f, groups);
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let scales = w;
    w += SCALES;
    for (let sixteen: usize = 0; sixteen < 128; sixteen += 64) {
      let a0 = startOf(false, x);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let p = x;
      const end = w + 64;
      do {
        const first = v128.load32_splat(p);
        const last = v128.load32_splat(p, 4);
        const w0 = v128.load(w);
        a0 = addFourColumns(a0, first, firstFour(w0, mask));
        a0 = addFourColumns(a0, last, lastFour(w0, mask));
        const w1 = v128.load(w, 64);
        a1 = addFourColumns(a1, first, firstFour(w1, mask));
        a1 = addFourColumns(a1, last, lastFour(w1, mask));
        const w2 = v128.load(w, 128);
        a2 = addFourColumns(a2, first, firstFour(w2, mask));
        a2 = addFourColumns(a2, last, lastFour(w2, mask));
        const w3 = v128.load(w, 192);
        a3 = addFourColumns(a3, first, firstFour(w3, mask));
        a3 = addFourColumns(a3, last, lastFour(w3, mask));
        p += 8;
        w += 16;
      } while (w < end);
      w += 192;
      addFour(sums + sixteen, scales, x, a0, a1, a2, a3);
      scales += 32;
    }
    x += X_GROUP;
  }
}

/**
 * Eight rows of a panel for four rows of x: sums is `[4, 8]`.
 *
 * @param pair which eight rows
 */
export function fourRowsByOneByte(
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
    let c0 = startOf(false, x + 2 * xStride);
    let c1 = c0;
    let d0 = startOf(false, x + 3 * xStride);
    let d1 = d0;
    let from = w + SCALES + pair * 128;
    const end = x + BYTES;
    do {
      const w0 = v128.load(from);
      const w1 = v128.load(from, 64);
      const first0 = firstFour(w0, mask);
      const first1 = firstFour(w1, mask);
      const a = v128.load32_splat(x);
      a0 = addFourColumns(a0, a, first0);
      a1 = addFourColumns(a1, a, first1);
      const b = v128.load32_splat(x + xStride);
      b0 = addFourColumns(b0, b, first0);
      b1 = addFourColumns(b1, b, first1);
      const c = v128.load32_splat(x + 2 * xStride);
      c0 = addFourColumns(c0, c, first0);
      c1 = addFourColumns(c1, c, first1);
      const d = v128.load32_splat(x + 3 * xStride);
      d0 = addFourColumns(d0, d, first0);
      d1 = addFourColumns(d1, d, first1);
      const last0 = lastFour(w0, mask);
      const last1 = lastFour(w1, mask);
      const aLast = v128.load32_splat(x, 4);
      a0 = addFourColumns(a0, aLast, last0);
      a1 = addFourColumns(a1, aLast, last1);
      const bLast = v128.load32_splat(x + xStride, 4);
      b0 = addFourColumns(b0, bLast, last0);
      b1 = addFourColumns(b1, bLast, last1);
      const cLast = v128.load32_splat(x + 2 * xStride, 4);
      c0 = addFourColumns(c0, cLast, last0);
      c1 = addFourColumns(c1, cLast, last1);
      const dLast = v128.load32_splat(x + 3 * xStride, 4);
      d0 = addFourColumns(d0, dLast, last0);
      d1 = addFourColumns(d1, dLast, last1);
      from += 16;
      x += 8;
    } while (x < end);
    x -= BYTES;
    const scales = v128.load(w + 16 * pair);
    const scales0 = raised(lowHalves(scales));
    const scales1 = raised(highHalves(scales));
    addTwo(sums, a0, a1, x, scales0, scales1);
    addTwo(sums + 32, b0, b1, x + xStride, scales0, scales1);
    addTwo(sums + 64, c0, c1, x + 2 * xStride, scales0, scales1);
    addTwo(sums + 96, d0, d1, x + 3 * xStride, scales0, scales1);
    x += X_GROUP;
    w += groupBytes(false);
  }
}
