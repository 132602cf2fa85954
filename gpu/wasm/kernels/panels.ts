/** How matrices lie in memory. Both forms, and why, are described in project.ts. */
export const FLOAT_COL: usize = 128;
export const HALF_COL: usize = 64;
export const PANEL_ROWS: i32 = 32;

/** 2^102: a lowered half is a float32 whose exponent needs five bits. */
export const raise = reinterpret<f32>((127 + 102) << 23);
export const lower = reinterpret<f32>((127 - 102) << 23);
/** The bits of a lowered half in a float32: its sign, and 15 of exponent and mantissa. */
export const HALF_BITS: i32 = 0x8fffe000;

/** What {@link lowHalves} multiplies words by. */
export const LEFT: i32 = 1 << 13;

/**
 * The lowered halves in the low parts of words, as float32.
 *
 * @param bits {@link HALF_BITS} in each lane
 * @param left {@link LEFT} in each lane
 */
export function lowHalves(
  words: v128,
  bits: v128 = i32x4.splat(HALF_BITS),
  left: v128 = i32x4.splat(LEFT),
): v128 {
  // The product is the low half, with its sign, 13 bits to the left: one instruction instead of two shifts.
  return v128.and(i32x4.dot_i16x8_s(words, left), bits);
}

/** Those in the high parts. */
export function highHalves(words: v128, bits: v128 = i32x4.splat(HALF_BITS)): v128 {
  return v128.and(i32x4.shr_s(words, 3), bits);
}

/** Where column 0 of a row lies in a matrix of halves. */
function halfAt(w: usize, cols: i32, row: i32): usize {
  const inPanel = row % PANEL_ROWS;
  const panel = w + <usize>(row / PANEL_ROWS) * <usize>cols * HALF_COL;
  return panel + <usize>((inPanel / 8) * 16 + (inPanel % 4) * 4 + ((inPanel % 8) / 4) * 2);
}

function floatAt(w: usize, cols: i32, row: i32): usize {
  const panel = w + <usize>(row / PANEL_ROWS) * <usize>cols * FLOAT_COL;
  return panel + <usize>((row % PANEL_ROWS) * 4);
}

/** Whether every one of `count` float32 numbers is a half below 2^7, as all of a model's halves are. */
export function areHalves(numbers: usize, count: i32): bool {
  for (let i = 0; i < count; i++) {
    const number = load<f32>(numbers + ((<usize>i) << 2));
    const bits = reinterpret<u32>(number * lower);
    const tooSmall = number != 0 && (bits & 0x7fffffff) < 0x00800000;
    if ((bits & ~HALF_BITS) != 0 || tooSmall) return false;
  }
  return true;
}

/** Puts float32 `[count, cols]` into the rows of a matrix from `row` on. */
export function putRows(half: bool, w: usize, cols: i32, row: i32, numbers: usize, count: i32): void {
  for (const end = row + count; row < end; row++) {
    let at = half ? halfAt(w, cols, row) : floatAt(w, cols, row);
    for (let col = 0; col < cols; col++) {
      const number = load<f32>(numbers);
      if (half) {
        const bits = reinterpret<u32>(number * lower);
        store<u16>(at, <u16>(((bits >> 16) & 0x8000) | ((bits >> 13) & 0x7fff)));
      } else {
        store<f32>(at, number);
      }
      at += half ? HALF_COL : FLOAT_COL;
      numbers += 4;
    }
  }
}

/** Copies float32 `[count, cols]` out of the rows of a matrix from `row` on: the inverse of `putRows`. */
export function getRows(half: bool, w: usize, cols: i32, row: i32, numbers: usize, count: i32): void {
  for (const end = row + count; row < end; row++) {
    let at = half ? halfAt(w, cols, row) : floatAt(w, cols, row);
    for (let col = 0; col < cols; col++) {
      if (half) {
        const code = <u32>load<u16>(at);
        const bits = ((code & 0x8000) << 16) | ((code & 0x7fff) << 13);
        store<f32>(numbers, reinterpret<f32>(bits) * raise);
      } else {
        store<f32>(numbers, load<f32>(at));
      }
      at += half ? HALF_COL : FLOAT_COL;
      numbers += 4;
    }
  }
}
