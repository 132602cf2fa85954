/**
 * Matrices in 8 or 4 bits, in panels of 32 rows like those of project.ts. A panel is [groups] of 32 columns, and a group:
 *
 * - 32 scales in 16 bits: rows 8v to 8v+3 in the low and 8v+4 to 8v+7 in the high parts of the words of vector v, each as
 *   project.ts keeps a half;
 * - [8 vectors of 4 rows] of whole numbers, counted from 0: `numbers/quantize.ts` has them from -8 or -128.
 *
 * A vector of four rows is four loads of 16 bytes in 4 bits, eight in 8 bits. A load has a word for each row, whose low
 * part holds the even and whose high part the odd ones of 8 or 4 columns, the first in the lowest bits. So a shift and a
 * mask make a vector of 16-bit numbers: two columns of each of four rows, as `i32x4.dot_i16x8_s` takes them.
 */
import { HALF_BITS, lower, PANEL_ROWS, raise } from './panels';

export const GROUP_COLS: i32 = 32;
/** The scales of a group. */
export const SCALES: usize = 64;

/** Bytes of the whole numbers of four rows of a group. */
export function fourRowsBytes(q8: bool): usize {
  return q8 ? 128 : 64;
}

export function groupBytes(q8: bool): usize {
  return SCALES + 8 * fourRowsBytes(q8);
}

export function groupsOf(cols: i32): i32 {
  return (cols + GROUP_COLS - 1) / GROUP_COLS;
}

/** Bytes of the whole numbers of a group in a row of `numbers/quantize.ts`. */
function rowGroupBytes(q8: bool): usize {
  return q8 ? 32 : 16;
}

/** Where the first group of a row's panel lies. */
function panelAt(q8: bool, w: usize, cols: i32, row: i32): usize {
  return w + <usize>(row / PANEL_ROWS) * <usize>groupsOf(cols) * groupBytes(q8);
}

/** Where in a group the scale of a row lies. */
function scaleOffset(row: i32): usize {
  const inPanel = row % PANEL_ROWS;
  return <usize>((inPanel / 8) * 16 + (inPanel % 4) * 4 + ((inPanel % 8) / 4) * 2);
}

/** Where in a group the first word of a row lies. */
function wordOffset(q8: bool, row: i32): usize {
  const inPanel = row % PANEL_ROWS;
  return SCALES + <usize>(inPanel / 4) * fourRowsBytes(q8) + <usize>((inPanel % 4) * 4);
}

/** Four neighboring bytes of a row, as a word of a load; and back, because it is its own inverse. */
function spreadBytes(bytes: u32): u32 {
  return (bytes & 0xff0000ff) | ((bytes & 0x0000ff00) << 8) | ((bytes & 0x00ff0000) >> 8);
}

/** Every other nibble of a word, from the lowest on, side by side. */
function everyOther(nibbles: u32): u32 {
  const pairs = (nibbles & 0x000f000f) | ((nibbles & 0x0f000f00) >> 4);
  return (pairs | (pairs >> 8)) & 0xffff;
}

/** The inverse of `everyOther`. */
function apart(nibbles: u32): u32 {
  const pairs = (nibbles | (nibbles << 8)) & 0x00ff00ff;
  return (pairs | (pairs << 4)) & 0x0f0f0f0f;
}

/** An IEEE half below 2^7, lowered as project.ts wants it; anything else is no scale that fits. */
function loweredHalf(half: u32): u32 {
  // 2^112 makes up for the difference of the exponents' biases, 2^-102 is the lowering: the product is exact.
  const magnitude = reinterpret<f32>((half & 0x7fff) << 13) * reinterpret<f32>((127 + 10) << 23);
  return (half & 0x8000) | (reinterpret<u32>(magnitude) >> 13);
}

/** Whether every scale of `count` packed rows of `rowBytes` is a half below 2^7. */
export function scalesFit(q8: bool, cols: i32, packed: usize, rowBytes: usize, count: i32): bool {
  const groups = groupsOf(cols);
  let scales = packed + <usize>groups * rowGroupBytes(q8);
  for (let row = 0; row < count; row++) {
    for (let group = 0; group < groups; group++) {
      if ((load<u16>(scales + ((<usize>group) << 1)) & 0x7fff) >= 0x5800) return false;
    }
    scales += rowBytes;
  }
  return true;
}

/** Puts `count` rows as `numbers/quantize.ts` packs them, `rowBytes` apart, into a matrix from `row` on. */
export function putPacked(
  q8: bool,
  w: usize,
  cols: i32,
  row: i32,
  packed: usize,
  rowBytes: usize,
  count: i32,
): void {
  const groups = groupsOf(cols);
  const words = rowGroupBytes(q8);
  for (const end = row + count; row < end; row++) {
    let group = panelAt(q8, w, cols, row);
    let from = packed;
    let scale = packed + <usize>groups * words;
    for (let g = 0; g < groups; g++) {
      store<u16>(group + scaleOffset(row), <u16>loweredHalf(load<u16>(scale)));
      scale += 2;
      let at = group + wordOffset(q8, row);
      for (const last = from + words; from < last; from += 4) {
        const four = load<u32>(from);
        const word = q8
          ? spreadBytes(four) ^ 0x80808080
          : (everyOther(four) | (everyOther(four >> 4) << 16)) ^ 0x88888888;
        store<u32>(at, word);
        at += 16;
      }
      group += groupBytes(q8);
    }
    packed += rowBytes;
  }
}

/** Copies rows out of a matrix from `row` on, as float32 `[count, cols]`. */
export function getPacked(q8: bool, w: usize, cols: i32, row: i32, numbers: usize, count: i32): void {
  for (const end = row + count; row < end; row++) {
    let group = panelAt(q8, w, cols, row);
    for (let first = 0; first < cols; first += GROUP_COLS) {
      const code = <u32>load<u16>(group + scaleOffset(row));
      const bits = (<i32>(code << 16) >> 3) & HALF_BITS;
      const scale = reinterpret<f32>(bits) * raise;
      const last = min(cols, first + GROUP_COLS);
      let at = group + wordOffset(q8, row);
      let col = first;
      while (col < last) {
        const word = load<u32>(at);
        at += 16;
        if (q8) {
          let four = spreadBytes(word);
          for (const end = min(last, col + 4); col < end; col++) {
            store<f32>(numbers, <f32>(<i32>(four & 0xff) - 128) * scale);
            four >>= 8;
            numbers += 4;
          }
        } else {
          let eight = apart(word & 0xffff) | (apart(word >> 16) << 4);
          for (const end = min(last, col + 8); col < end; col++) {
            store<f32>(numbers, <f32>(<i32>(eight & 15) - 8) * scale);
            eight >>= 4;
            numbers += 4;
          }
        }
      }
      group += groupBytes(q8);
    }
  }
}
