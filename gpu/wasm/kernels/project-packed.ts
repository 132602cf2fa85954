/**
 * Products with matrices in 8 or 4 bits (packed.ts), by whole numbers.
 *
 * A row of x is quantized once for a product (quantize-input.ts). Sums within a group of 32 columns are exact: 255 · 32639
 * · 32 < 2^31. Then each is converted, and added onto a float32 sum in the order of groups, so that a row's result does
 * not depend on how many rows there are. See docs/decisions/0042-packed-weights-are-multiplied-as-whole-numbers.md.
 */
import { finishTwo } from './four-rows';
import { addFour, addTwo, clear, PANEL_BYTES, raised } from './group-sums';
import { kept } from './lanes';
import { oneRowByBytes, twoRowsByBytes } from './nibbles-by-bytes';
import { fourRowsByOneByte, oneRowByOneByte } from './nibbles-by-one-byte';
import { groupBytes, groupsOf, SCALES } from './packed';
import { highHalves, lowHalves } from './panels';
import { finish } from './project';
import { NUMBERS, ONE_BYTE, startOf, TWO_BYTES, WORDS, X_GROUP } from './quantize-input';

/** Bytes of a group of eight rows in 16 bits, and of that with their scales. */
const WIDE_NUMBERS: usize = 512;
const WIDE_GROUP: usize = 544;

/**
 * y = W·x (+ bias) for `count` rows of x, or y += that.
 *
 * @param w      `[panels]`, in 8 or 4 bits
 * @param bias   `[panels · 32]` or 0
 * @param layout where the numbers of x lie; in bytes only for 4 bits
 * @param x      from {@link quantizeInput}
 * @param wide   room for 128 bytes, and for 544 for each group of columns
 */
export function projectPacked(
  q8: bool,
  layout: i32,
  w: usize,
  cols: i32,
  panels: i32,
  bias: usize,
  x: usize,
  y: usize,
  yStride: usize,
  count: i32,
  onto: bool,
  wide: usize,
): void {
  const groups = groupsOf(cols);
  const xStride = <usize>groups * X_GROUP;
  const panelBytes = <usize>groups * groupBytes(q8);
  const together = layout == TWO_BYTES ? 2 : 4;
  const inLots = count & -together;
  const sums = wide;
  const widened = wide + PANEL_BYTES;
  for (let panel = 0; panel < panels; panel++) {
    if (inLots > 0) {
      for (let pair: usize = 0; pair < 4; pair++) {
        if (q8) widenBytes(w, groups, pair, widened);
        else if (layout == WORDS) widenNibbles(w, groups, pair, widened);
        const to = y + pair * 32;
        const biasAt: usize = bias == 0 ? 0 : bias + pair * 32;
        for (let row = 0; row < inLots; row += together) {
          const xs = x + <usize>row * xStride;
          if (layout == TWO_BYTES) twoRowsByBytes(w, pair, groups, xs, xStride, sums);
          else if (layout == ONE_BYTE) fourRowsByOneByte(w, pair, groups, xs, xStride, sums);
          else fourRows(q8, widened, groups, xs, xStride, sums);
          for (let i = 0; i < together; i++) {
            const at = sums + <usize>i * 32;
            finishTwo(to + <usize>(row + i) * yStride, biasAt, onto, v128.load(at), v128.load(at, 16));
          }
        }
      }
    }
    for (let row = inLots; row < count; row++) {
      const xs = x + <usize>row * xStride;
      const to = y + <usize>row * yStride;
      if (q8) oneByBytes(w, groups, xs, sums);
      else if (layout == TWO_BYTES) oneRowByBytes(w, groups, xs, sums);
      else if (layout == ONE_BYTE) oneRowByOneByte(w, groups, xs, sums);
      else oneByNibbles(w, groups, xs, sums);
      for (let at: usize = 0; at < PANEL_BYTES; at += 16) {
        finish(to + at, v128.load(sums + at), bias == 0 ? 0 : bias + at, onto);
      }
    }
    w += panelBytes;
    y += PANEL_BYTES;
    if (bias != 0) bias += PANEL_BYTES;
  }
}

/** sum + (x pair) · (two columns of four rows) */
function addPair(sum: v128, x: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
}

function oneByNibbles(w: usize, groups: i32, x: usize, sums: usize): void {
  const mask = kept(0x000f000f, groups);
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let scales = w;
    w += SCALES;
    for (let sixteen: usize = 0; sixteen < PANEL_BYTES; sixteen += 64) {
      let a0 = startOf(false, x);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let p = x;
      for (const end = w + 64; w < end; w += 16) {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 64);
        const w2 = v128.load(w, 128);
        const w3 = v128.load(w, 192);
        const x0 = v128.load32_splat(p);
        a0 = addPair(a0, x0, v128.and(w0, mask));
        a1 = addPair(a1, x0, v128.and(w1, mask));
        a2 = addPair(a2, x0, v128.and(w2, mask));
        a3 = addPair(a3, x0, v128.and(w3, mask));
        const x1 = v128.load32_splat(p, 4);
        a0 = addPair(a0, x1, v128.and(i16x8.shr_u(w0, 4), mask));
        a1 = addPair(a1, x1, v128.and(i16x8.shr_u(w1, 4), mask));
        a2 = addPair(a2, x1, v128.and(i16x8.shr_u(w2, 4), mask));
        a3 = addPair(a3, x1, v128.and(i16x8.shr_u(w3, 4), mask));
        const x2 = v128.load32_splat(p, 8);
        a0 = addPair(a0, x2, v128.and(i16x8.shr_u(w0, 8), mask));
        a1 = addPair(a1, x2, v128.and(i16x8.shr_u(w1, 8), mask));
        a2 = addPair(a2, x2, v128.and(i16x8.shr_u(w2, 8), mask));
        a3 = addPair(a3, x2, v128.and(i16x8.shr_u(w3, 8), mask));
        const x3 = v128.load32_splat(p, 12);
        a0 = addPair(a0, x3, i16x8.shr_u(w0, 12));
        a1 = addPair(a1, x3, i16x8.shr_u(w1, 12));
        a2 = addPair(a2, x3, i16x8.shr_u(w2, 12));
        a3 = addPair(a3, x3, i16x8.shr_u(w3, 12));
        p += 16;
      }
      w += 192;
      addFour(sums + sixteen, scales, x, a0, a1, a2, a3);
      scales += 32;
    }
    x += X_GROUP;
  }
}

function oneByBytes(w: usize, groups: i32, x: usize, sums: usize): void {
  const mask = kept(0x00ff00ff, groups);
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let scales = w;
    w += SCALES;
    for (let sixteen: usize = 0; sixteen < PANEL_BYTES; sixteen += 64) {
      let a0 = startOf(true, x);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let p = x;
      for (const end = w + 128; w < end; w += 16) {
        const w0 = v128.load(w);
        const w1 = v128.load(w, 128);
        const w2 = v128.load(w, 256);
        const w3 = v128.load(w, 384);
        const x0 = v128.load32_splat(p);
        a0 = addPair(a0, x0, v128.and(w0, mask));
        a1 = addPair(a1, x0, v128.and(w1, mask));
        a2 = addPair(a2, x0, v128.and(w2, mask));
        a3 = addPair(a3, x0, v128.and(w3, mask));
        const x1 = v128.load32_splat(p, 4);
        a0 = addPair(a0, x1, i16x8.shr_u(w0, 8));
        a1 = addPair(a1, x1, i16x8.shr_u(w1, 8));
        a2 = addPair(a2, x1, i16x8.shr_u(w2, 8));
        a3 = addPair(a3, x1, i16x8.shr_u(w3, 8));
        p += 8;
      }
      w += 384;
      addFour(sums + sixteen, scales, x, a0, a1, a2, a3);
      scales += 32;
    }
    x += X_GROUP;
  }
}

/** The scales of eight rows of a group, in float32. */
function widenScales(group: usize, pair: usize, wide: usize): void {
  const scales = v128.load(group + 16 * pair);
  v128.store(wide, raised(lowHalves(scales)), WIDE_NUMBERS);
  v128.store(wide, raised(highHalves(scales)), WIDE_NUMBERS + 16);
}

/** Widens eight rows of a panel, once for all rows of x: [groups] of [16 pairs of columns][2 vectors] and their scales. */
function widenNibbles(w: usize, groups: i32, pair: usize, wide: usize): void {
  const mask = kept(0x000f000f, groups);
  for (let group = 0; group < groups; group++) {
    widenScales(w, pair, wide);
    const from = w + SCALES + pair * 128;
    for (let at: usize = 0; at < 64; at += 16) {
      const w0 = v128.load(from + at);
      const w1 = v128.load(from + at, 64);
      const to = wide + at * 8;
      v128.store(to, v128.and(w0, mask));
      v128.store(to, v128.and(w1, mask), 16);
      v128.store(to, v128.and(i16x8.shr_u(w0, 4), mask), 32);
      v128.store(to, v128.and(i16x8.shr_u(w1, 4), mask), 48);
      v128.store(to, v128.and(i16x8.shr_u(w0, 8), mask), 64);
      v128.store(to, v128.and(i16x8.shr_u(w1, 8), mask), 80);
      v128.store(to, i16x8.shr_u(w0, 12), 96);
      v128.store(to, i16x8.shr_u(w1, 12), 112);
    }
    w += groupBytes(false);
    wide += WIDE_GROUP;
  }
}

function widenBytes(w: usize, groups: i32, pair: usize, wide: usize): void {
  const mask = kept(0x00ff00ff, groups);
  for (let group = 0; group < groups; group++) {
    widenScales(w, pair, wide);
    const from = w + SCALES + pair * 256;
    for (let at: usize = 0; at < 128; at += 16) {
      const w0 = v128.load(from + at);
      const w1 = v128.load(from + at, 128);
      const to = wide + at * 4;
      v128.store(to, v128.and(w0, mask));
      v128.store(to, v128.and(w1, mask), 16);
      v128.store(to, i16x8.shr_u(w0, 8), 32);
      v128.store(to, i16x8.shr_u(w1, 8), 48);
    }
    w += groupBytes(true);
    wide += WIDE_GROUP;
  }
}

/** Eight widened rows of a panel for four rows of x: sums is `[4, 8]`. */
function fourRows(q8: bool, wide: usize, groups: i32, x: usize, xStride: usize, sums: usize): void {
  clear(sums);
  for (let group = 0; group < groups; group++) {
    let a0 = startOf(q8, x);
    let a1 = a0;
    let b0 = startOf(q8, x + xStride);
    let b1 = b0;
    let c0 = startOf(q8, x + 2 * xStride);
    let c1 = c0;
    let d0 = startOf(q8, x + 3 * xStride);
    let d1 = d0;
    for (const end = x + NUMBERS; x < end; x += 4) {
      const low = v128.load(wide);
      const high = v128.load(wide, 16);
      const xa = v128.load32_splat(x);
      a0 = addPair(a0, xa, low);
      a1 = addPair(a1, xa, high);
      const xb = v128.load32_splat(x + xStride);
      b0 = addPair(b0, xb, low);
      b1 = addPair(b1, xb, high);
      const xc = v128.load32_splat(x + 2 * xStride);
      c0 = addPair(c0, xc, low);
      c1 = addPair(c1, xc, high);
      const xd = v128.load32_splat(x + 3 * xStride);
      d0 = addPair(d0, xd, low);
      d1 = addPair(d1, xd, high);
      wide += 32;
    }
    const scales0 = v128.load(wide);
    const scales1 = v128.load(wide, 16);
    wide += 32;
    x -= NUMBERS;
    addTwo(sums, a0, a1, x, scales0, scales1);
    addTwo(sums + 32, b0, b1, x + xStride, scales0, scales1);
    addTwo(sums + 64, c0, c1, x + 2 * xStride, scales0, scales1);
    addTwo(sums + 96, d0, d1, x + 3 * xStride, scales0, scales1);
    x += X_GROUP;
  }
}
