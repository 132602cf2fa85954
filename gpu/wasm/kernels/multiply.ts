/**
 * The matrix product of training: c = a·b or c += a·b, where a and b may be turned, as the two gradients of a projection
 * need them. Blocks of both are packed into panels first, so that the innermost loop reads two streams from front to back.
 *
 * Sums are taken in the same order whatever the sizes of the other matrix are, so equal inputs give equal bits.
 */
import { multiplyAdd } from './lanes';

/** A tile of c: eight registers of sums, which engines keep in registers (project.ts). */
const TILE_ROWS: i32 = 4;
const TILE_COLS: i32 = 8;
/** Terms of a sum in one block: a panel of b then takes 8 KiB of the first cache. */
const BLOCK_TERMS: i32 = 256;
/** Rows of a in one block: 64 KiB of the second cache. */
const BLOCK_ROWS: i32 = 64;
/** Columns of b in one block: 512 KiB. */
const BLOCK_COLS: i32 = 512;

const ROW_PANEL: usize = 16; //  bytes of a term in a panel of a
const COL_PANEL: usize = 32; //  bytes of a term in a panel of b
const PACKED_A: usize = <usize>BLOCK_ROWS * <usize>BLOCK_TERMS * 4;
const PACKED_B: usize = <usize>BLOCK_COLS * <usize>BLOCK_TERMS * 4;
const TILE_BYTES: usize = <usize>TILE_ROWS * <usize>TILE_COLS * 4;

/** Bytes of the room that `multiply` packs blocks into. */
export function multiplyRoom(): usize {
  return PACKED_A + PACKED_B + TILE_BYTES;
}

/**
 * c `[m, n]` (+)= a `[m, k]` · b `[k, n]`.
 *
 * @param aTurned if a lies in memory as `[k, m]`; strides are bytes between the rows that lie in memory
 * @param bTurned if b lies in memory as `[n, k]`, as weights do
 * @param room    of `multiplyRoom` bytes
 */
export function multiply(
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aStride: usize,
  aTurned: bool,
  b: usize,
  bStride: usize,
  bTurned: bool,
  c: usize,
  cStride: usize,
  onto: bool,
  room: usize,
): void {
  if (k == 0 && !onto) {
    for (let row = 0; row < m; row++) memory.fill(c + <usize>row * cStride, 0, (<usize>n) << 2);
  }
  const packedB = room + PACKED_A;
  const tile = packedB + PACKED_B;
  for (let col = 0; col < n; col += BLOCK_COLS) {
    const cols = min(BLOCK_COLS, n - col);
    for (let term = 0; term < k; term += BLOCK_TERMS) {
      const terms = min(BLOCK_TERMS, k - term);
      pack(at(b, bStride, !bTurned, col, term), bStride, !bTurned, TILE_COLS, cols, terms, packedB);
      for (let row = 0; row < m; row += BLOCK_ROWS) {
        const rows = min(BLOCK_ROWS, m - row);
        pack(at(a, aStride, aTurned, row, term), aStride, aTurned, TILE_ROWS, rows, terms, room);
        const corner = c + <usize>row * cStride + ((<usize>col) << 2);
        tiles(rows, cols, terms, room, packedB, corner, cStride, onto || term > 0, tile);
      }
    }
  }
}

/** Where the term of a line lies; lines are rows of a or columns of b. */
function at(x: usize, stride: usize, linesAdjacent: bool, line: i32, term: i32): usize {
  return linesAdjacent
    ? x + <usize>term * stride + ((<usize>line) << 2)
    : x + <usize>line * stride + ((<usize>term) << 2);
}

function tiles(
  rows: i32,
  cols: i32,
  terms: i32,
  packedA: usize,
  packedB: usize,
  c: usize,
  cStride: usize,
  onto: bool,
  tile: usize,
): void {
  const aBytes = <usize>terms * ROW_PANEL;
  const bBytes = <usize>terms * COL_PANEL;
  for (let col = 0; col < cols; col += TILE_COLS) {
    let a = packedA;
    for (let row = 0; row < rows; row += TILE_ROWS) {
      const corner = c + <usize>row * cStride + ((<usize>col) << 2);
      if (row + TILE_ROWS <= rows && col + TILE_COLS <= cols) {
        multiplyTile(a, packedB, aBytes, corner, cStride, onto);
      } else {
        multiplyTile(a, packedB, aBytes, tile, COL_PANEL, false);
        copyPart(tile, min(TILE_ROWS, rows - row), min(TILE_COLS, cols - col), corner, cStride, onto);
      }
      a += aBytes;
    }
    packedB += bBytes;
  }
}

/** Copies what exists of a tile at the edge of c. */
function copyPart(tile: usize, rows: i32, cols: i32, c: usize, cStride: usize, onto: bool): void {
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const from = tile + <usize>row * COL_PANEL + ((<usize>col) << 2);
      const to = c + <usize>row * cStride + ((<usize>col) << 2);
      store<f32>(to, onto ? load<f32>(to) + load<f32>(from) : load<f32>(from));
    }
  }
}

function multiplyTile(a: usize, b: usize, aBytes: usize, c: usize, cStride: usize, onto: bool): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (const end = a + aBytes; a < end; a += ROW_PANEL) {
    const low = v128.load(b);
    const high = v128.load(b, 16);
    const xa = v128.load32_splat(a);
    a0 = multiplyAdd(a0, xa, low);
    a1 = multiplyAdd(a1, xa, high);
    const xb = v128.load32_splat(a, 4);
    b0 = multiplyAdd(b0, xb, low);
    b1 = multiplyAdd(b1, xb, high);
    const xc = v128.load32_splat(a, 8);
    c0 = multiplyAdd(c0, xc, low);
    c1 = multiplyAdd(c1, xc, high);
    const xd = v128.load32_splat(a, 12);
    d0 = multiplyAdd(d0, xd, low);
    d1 = multiplyAdd(d1, xd, high);
    b += COL_PANEL;
  }
  put(c, a0, a1, onto);
  put(c + cStride, b0, b1, onto);
  put(c + 2 * cStride, c0, c1, onto);
  put(c + 3 * cStride, d0, d1, onto);
}

function put(c: usize, low: v128, high: v128, onto: bool): void {
  if (onto) {
    low = f32x4.add(v128.load(c), low);
    high = f32x4.add(v128.load(c, 16), high);
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}

/**
 * Packs lines (rows of a, columns of b) into panels of `[terms][width]`. What is missing of the last panel is zero.
 *
 * @param linesAdjacent if the same term of two lines lies side by side; otherwise two terms of a line do
 */
function pack(
  x: usize,
  stride: usize,
  linesAdjacent: bool,
  width: i32,
  lines: i32,
  terms: i32,
  into: usize,
): void {
  const termBytes = (<usize>width) << 2;
  for (let line = 0; line < lines; line += width) {
    const there = min(width, lines - line);
    if (linesAdjacent) packAdjacent(x, stride, there, terms, into, termBytes);
    else packApart(x, stride, there, terms, into, termBytes);
    x += linesAdjacent ? termBytes : <usize>width * stride;
    into += <usize>terms * termBytes;
  }
}

function packAdjacent(x: usize, stride: usize, there: i32, terms: i32, into: usize, termBytes: usize): void {
  const bytes = (<usize>there) << 2;
  for (let term = 0; term < terms; term++) {
    if (bytes == termBytes) {
      for (let i: usize = 0; i < termBytes; i += 16) v128.store(into + i, v128.load(x + i));
    } else {
      for (let i: usize = 0; i < termBytes; i += 4) {
        store<f32>(into + i, i < bytes ? load<f32>(x + i) : 0);
      }
    }
    x += stride;
    into += termBytes;
  }
}

function packApart(x: usize, stride: usize, there: i32, terms: i32, into: usize, termBytes: usize): void {
  const whole = there << 2 == <i32>termBytes;
  const inFours = whole ? terms & ~3 : 0;
  for (let four: usize = 0; four < termBytes && inFours > 0; four += 16) {
    const lines = x + (four >> 2) * stride;
    for (let term = 0; term < inFours; term += 4) {
      turnFour(lines + ((<usize>term) << 2), stride, into + <usize>term * termBytes + four, termBytes);
    }
  }
  for (let term = inFours; term < terms; term++) {
    for (let i: usize = 0; i < termBytes; i += 4) {
      const line = i >> 2;
      const value: f32 = <i32>line < there ? load<f32>(x + line * stride + ((<usize>term) << 2)) : 0;
      store<f32>(into + <usize>term * termBytes + i, value);
    }
  }
}

/** Four terms of four lines, as four times one term of all four lines. */
function turnFour(x: usize, stride: usize, into: usize, termBytes: usize): void {
  const a = v128.load(x);
  const b = v128.load(x + stride);
  const c = v128.load(x + 2 * stride);
  const d = v128.load(x + 3 * stride);
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(into, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
  v128.store(into + termBytes, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
  v128.store(into + 2 * termBytes, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(into + 3 * termBytes, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}
