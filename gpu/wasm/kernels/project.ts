/**
 * Matrices lie in panels of 32 rows, the numbers of one column side by side: a vector holds four rows, x is spread over
 * its lanes, and a panel is read from front to back once a token. In float32 a panel is [cols][32].
 *
 * In halves a panel is [cols][4 vectors]: vector v holds rows 8v to 8v+3 in the low and 8v+4 to 8v+7 in the high parts
 * of its words. A number w lies there as the upper bits of the float32 w · 2^-102, without the three exponent bits that
 * are zero for every |w| < 2^7: a shift and a mask make that float again, exactly, whereas IEEE's halves would need more
 * work for their small numbers. x is raised by 2^102 to make up for it; it must stay below 2^25.
 */
import {
  bytesBeside,
  finishTwo,
  fourBesideEachOther,
  fourByHalves,
  fourByWide,
  sixBesideEachOther,
  sixByWide,
  sixesOf,
  SUMS,
  widenEight,
  WORTH_WIDENING,
} from './four-rows';
import { kept, multiplyAdd } from './lanes';
import { FLOAT_COL, HALF_BITS, HALF_COL, highHalves, LEFT, lowHalves, PANEL_ROWS, raise } from './panels';

const VECTOR: usize = 16;
const VECTORS: i32 = 8;
/**
 * Columns of a piece times rows of x: so long that processors have fetched the next one meanwhile, and so short that they
 * have not stopped fetching.
 */
const PIECE: i32 = 128;

/** Four numbers of y: sum, plus the bias if there is one, plus what is there if it adds onto that. */
export function finish(y: usize, sum: v128, bias: usize, onto: bool): void {
  if (bias != 0) sum = f32x4.add(sum, v128.load(bias));
  if (onto) sum = f32x4.add(sum, v128.load(y));
  v128.store(y, sum);
}

/**
 * Puts six or four rows of x at a time side by side, for products with matrices of halves. Rows that are left over stay
 * out.
 *
 * @param into room for `[count, cols]` numbers, `cols` rounded up to fours
 */
export function putBeside(x: usize, xStride: usize, cols: i32, count: i32, into: usize): void {
  const inSixes = 6 * sixesOf(count);
  for (let row = 0; row < inSixes; row += 6) {
    sixBesideEachOther(x + <usize>row * xStride, xStride, cols, into + <usize>row * bytesBeside(cols));
  }
  for (let row = inSixes; row + 4 <= count; row += 4) {
    fourBesideEachOther(x + <usize>row * xStride, xStride, cols, into + <usize>row * bytesBeside(cols));
  }
}

/**
 * y = W·x (+ bias) for `count` rows of x, or y += that.
 *
 * @param w      `[panels]`, in halves or float32
 * @param bias   `[panels · 32]` or 0
 * @param beside the rows of x as {@link putBeside} puts them; read only if w is in halves and there are four rows or more
 * @param wide   room for eight rows of w in float32, or for sums, likewise
 * @param streams whether w is too large for a core's cache: then few rows of x go through a panel of halves piece by
 *   piece, so that memory delivers the next one meanwhile
 */
export function project(
  half: bool,
  w: usize,
  cols: i32,
  panels: i32,
  bias: usize,
  x: usize,
  xStride: usize,
  y: usize,
  yStride: usize,
  count: i32,
  onto: bool,
  beside: usize,
  wide: usize,
  streams: bool,
): void {
  const colBytes = half ? HALF_COL : FLOAT_COL;
  const inSixes = half ? 6 * sixesOf(count) : 0;
  const inFours = inSixes + ((count - inSixes) & ~3);
  const widens = half && count >= WORTH_WIDENING;
  for (let panel = 0; panel < panels; panel++) {
    if (half && !widens) {
      const atOnce = streams && inFours > 0 ? PIECE / inFours : cols;
      foursByHalves(w, cols, atOnce, bias, beside, y, yStride, inFours, onto, wide);
    } else {
      for (let vector = 0; vector < VECTORS && inFours > 0; vector += 2) {
        const from = w + (<usize>vector * VECTOR) / (half ? 2 : 1);
        const biasAt: usize = bias == 0 ? 0 : bias + <usize>vector * VECTOR;
        const to = y + <usize>vector * VECTOR;
        if (widens) widenEight(from, cols, wide);
        for (let row = 0; row < inSixes; row += 6) {
          const xs = beside + <usize>row * bytesBeside(cols);
          sixByWide(wide, cols, biasAt, xs, to + <usize>row * yStride, yStride, onto);
        }
        for (let row = inSixes; row < inFours; row += 4) {
          const xs = beside + <usize>row * bytesBeside(cols);
          const ys = to + <usize>row * yStride;
          if (widens) fourByWide(wide, cols, biasAt, xs, ys, yStride, onto);
          else fourByFloats(from, cols, biasAt, x + <usize>row * xStride, xStride, ys, yStride, onto);
        }
      }
    }
    for (let row = inFours; row < count; row++) {
      const xs = x + <usize>row * xStride;
      const ys = y + <usize>row * yStride;
      if (half) oneByHalves(w, cols, bias, xs, ys, onto);
      else oneByFloats(w, cols, bias, xs, ys, onto);
    }
    w += <usize>cols * colBytes;
    y += <usize>PANEL_ROWS * 4;
    if (bias != 0) bias += <usize>PANEL_ROWS * 4;
  }
}

/** A panel of halves for `count` rows of x, in fours, so many columns at a time: `sums` wait for the last ones. */
function foursByHalves(
  w: usize,
  cols: i32,
  atOnce: i32,
  bias: usize,
  beside: usize,
  y: usize,
  yStride: usize,
  count: i32,
  onto: bool,
  sums: usize,
): void {
  for (let col = 0; col < cols; col += atOnce) {
    const some = min(atOnce, cols - col);
    const isLast = col + some == cols;
    let sumsAt = sums;
    for (let row = 0; row < count; row += 4) {
      const xs = beside + <usize>row * bytesBeside(cols) + <usize>col * 16;
      for (let vector = 0; vector < VECTORS; vector += 2) {
        const from = w + <usize>col * HALF_COL + (<usize>vector * VECTOR) / 2;
        const biasAt: usize = bias == 0 ? 0 : bias + <usize>vector * VECTOR;
        const ys = y + <usize>row * yStride + <usize>vector * VECTOR;
        fourByHalves(from, some, biasAt, xs, sumsAt, col == 0, isLast, ys, yStride, onto);
        sumsAt += SUMS;
      }
    }
  }
}

function oneByFloats(w: usize, cols: i32, bias: usize, x: usize, y: usize, onto: bool): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let a4 = a0;
  let a5 = a0;
  let a6 = a0;
  let a7 = a0;
  for (const end = x + ((<usize>cols) << 2); x < end; x += 4) {
    const s = v128.load32_splat(x);
    a0 = multiplyAdd(a0, s, v128.load(w));
    a1 = multiplyAdd(a1, s, v128.load(w, 16));
    a2 = multiplyAdd(a2, s, v128.load(w, 32));
    a3 = multiplyAdd(a3, s, v128.load(w, 48));
    a4 = multiplyAdd(a4, s, v128.load(w, 64));
    a5 = multiplyAdd(a5, s, v128.load(w, 80));
    a6 = multiplyAdd(a6, s, v128.load(w, 96));
    a7 = multiplyAdd(a7, s, v128.load(w, 112));
    w += FLOAT_COL;
  }
  finishPanel(y, bias, onto, a0, a1, a2, a3, a4, a5, a6, a7);
}

/** The loop is written like that of {@link fourByHalves}, for the same reason; `cols` is at least 1. */
function oneByHalves(w: usize, cols: i32, bias: usize, x: usize, y: usize, onto: bool): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let a4 = a0;
  let a5 = a0;
  let a6 = a0;
  let a7 = a0;
  const bits = kept(HALF_BITS, cols);
  const left = kept(LEFT, cols);
  const end = x + ((<usize>cols) << 2);
  do {
    const s = f32x4.mul(v128.load32_splat(x), f32x4.splat(raise));
    const w3 = v128.load(w, 48);
    a7 = multiplyAdd(a7, s, highHalves(w3, bits));
    a6 = multiplyAdd(a6, s, lowHalves(w3, bits, left));
    const w2 = v128.load(w, 32);
    a5 = multiplyAdd(a5, s, highHalves(w2, bits));
    a4 = multiplyAdd(a4, s, lowHalves(w2, bits, left));
    const w1 = v128.load(w, 16);
    a3 = multiplyAdd(a3, s, highHalves(w1, bits));
    a2 = multiplyAdd(a2, s, lowHalves(w1, bits, left));
    const w0 = v128.load(w);
    a1 = multiplyAdd(a1, s, highHalves(w0, bits));
    a0 = multiplyAdd(a0, s, lowHalves(w0, bits, left));
    w += HALF_COL;
    x += 4;
  } while (x < end);
  finishPanel(y, bias, onto, a0, a1, a2, a3, a4, a5, a6, a7);
}

function finishPanel(
  y: usize,
  bias: usize,
  onto: bool,
  a0: v128,
  a1: v128,
  a2: v128,
  a3: v128,
  a4: v128,
  a5: v128,
  a6: v128,
  a7: v128,
): void {
  const step: usize = bias == 0 ? 0 : VECTOR;
  finish(y, a0, bias, onto);
  finish(y + 16, a1, bias + step, onto);
  finish(y + 32, a2, bias + 2 * step, onto);
  finish(y + 48, a3, bias + 3 * step, onto);
  finish(y + 64, a4, bias + 4 * step, onto);
  finish(y + 80, a5, bias + 5 * step, onto);
  finish(y + 96, a6, bias + 6 * step, onto);
  finish(y + 112, a7, bias + 7 * step, onto);
}

/**
 * Eight rows of a panel for four rows of x. Engines keep its sums in registers; a longer loop body or more addresses
 * make them spill, and it runs at two thirds of the speed.
 */
function fourByFloats(
  w: usize,
  cols: i32,
  bias: usize,
  x: usize,
  xStride: usize,
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
  const end = x + ((<usize>cols) << 2);
  for (let p = x; p < end; p += 4) {
    const low = v128.load(w);
    const high = v128.load(w, 16);
    const xa = v128.load32_splat(p);
    a0 = multiplyAdd(a0, xa, low);
    a1 = multiplyAdd(a1, xa, high);
    const xb = v128.load32_splat(p + xStride);
    b0 = multiplyAdd(b0, xb, low);
    b1 = multiplyAdd(b1, xb, high);
    const xc = v128.load32_splat(p + 2 * xStride);
    c0 = multiplyAdd(c0, xc, low);
    c1 = multiplyAdd(c1, xc, high);
    const xd = v128.load32_splat(p + 3 * xStride);
    d0 = multiplyAdd(d0, xd, low);
    d1 = multiplyAdd(d1, xd, high);
    w += FLOAT_COL;
  }
  finishTwo(y, bias, onto, a0, a1);
  finishTwo(y + yStride, bias, onto, b0, b1);
  finishTwo(y + 2 * yStride, bias, onto, c0, c1);
  finishTwo(y + 3 * yStride, bias, onto, d0, d1);
}
