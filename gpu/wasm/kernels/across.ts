/**
 * Keys that lie across: all keys of a tile for the first number of a head, then all for the second, and so on. A query's
 * scores are then sums of whole vectors, and no vector has to be added up by itself.
 */
import { multiplyAdd } from './lanes';
import { isFinite, magnitudes, putEight, widen } from './widen';

/** Keys of a tile. */
export const TILE: i32 = 32;
/** Bytes of one number of all keys of a tile. */
const ROW: usize = 128;

/**
 * Puts the keys of one head across, as `[headDim, 32]` in float32. Reads up to 14 bytes beyond a key.
 *
 * @param keys  `apart` bytes from each other
 * @param count of keys, 1 to 32; what lies beyond them is of no use
 * @param into  room for `[headDim, 32]` numbers, and for as many as `headDim` rounded up to eights
 */
export function putAcross(
  half: bool,
  keys: usize,
  apart: usize,
  headDim: i32,
  count: i32,
  into: usize,
): void {
  if (half && (headDim & 7) == 0 && halvesAcross(keys, apart, headDim, count, into)) return;
  const room = into + <usize>headDim * ROW;
  const end = into + ((<usize>count) << 2);
  for (let to = into; to < end; to += 4) {
    const key = half ? widen(keys, headDim, room) : keys;
    let at = to;
    for (let i = 0; i < headDim; i++) {
      store<f32>(at, load<f32>(key + ((<usize>i) << 2)));
      at += ROW;
    }
    keys += apart;
  }
}

/**
 * Eight keys and eight numbers of each at a time.
 *
 * @returns false if one of them is infinite or NaN: all must be done again
 */
function halvesAcross(keys: usize, apart: usize, headDim: i32, count: i32, into: usize): bool {
  const bytes = (<usize>headDim) << 1;
  const last = keys + <usize>(count - 1) * apart;
  let greatest = i16x8.splat(0);
  for (let key = 0; key < count; key += 8) {
    const r0 = keys + <usize>key * apart;
    const r1 = min(r0 + apart, last);
    const r2 = min(r1 + apart, last);
    const r3 = min(r2 + apart, last);
    const r4 = min(r3 + apart, last);
    const r5 = min(r4 + apart, last);
    const r6 = min(r5 + apart, last);
    const r7 = min(r6 + apart, last);
    let to = into + ((<usize>key) << 2);
    let at: usize = 0;
    do {
      const k0 = v128.load(r0 + at);
      const k1 = v128.load(r1 + at);
      const k2 = v128.load(r2 + at);
      const k3 = v128.load(r3 + at);
      greatest = i16x8.max_s(greatest, i16x8.max_s(magnitudes(k0), magnitudes(k1)));
      greatest = i16x8.max_s(greatest, i16x8.max_s(magnitudes(k2), magnitudes(k3)));
      const a0 = v128.shuffle<i16>(k0, k1, 0, 8, 1, 9, 2, 10, 3, 11);
      const a1 = v128.shuffle<i16>(k0, k1, 4, 12, 5, 13, 6, 14, 7, 15);
      const b0 = v128.shuffle<i16>(k2, k3, 0, 8, 1, 9, 2, 10, 3, 11);
      const b1 = v128.shuffle<i16>(k2, k3, 4, 12, 5, 13, 6, 14, 7, 15);
      const k4 = v128.load(r4 + at);
      const k5 = v128.load(r5 + at);
      const k6 = v128.load(r6 + at);
      const k7 = v128.load(r7 + at);
      greatest = i16x8.max_s(greatest, i16x8.max_s(magnitudes(k4), magnitudes(k5)));
      greatest = i16x8.max_s(greatest, i16x8.max_s(magnitudes(k6), magnitudes(k7)));
      const c0 = v128.shuffle<i16>(k4, k5, 0, 8, 1, 9, 2, 10, 3, 11);
      const c1 = v128.shuffle<i16>(k4, k5, 4, 12, 5, 13, 6, 14, 7, 15);
      const d0 = v128.shuffle<i16>(k6, k7, 0, 8, 1, 9, 2, 10, 3, 11);
      const d1 = v128.shuffle<i16>(k6, k7, 4, 12, 5, 13, 6, 14, 7, 15);
      putTwo(v128.shuffle<i32>(a0, b0, 0, 4, 1, 5), v128.shuffle<i32>(c0, d0, 0, 4, 1, 5), to);
      putTwo(v128.shuffle<i32>(a0, b0, 2, 6, 3, 7), v128.shuffle<i32>(c0, d0, 2, 6, 3, 7), to + 2 * ROW);
      putTwo(v128.shuffle<i32>(a1, b1, 0, 4, 1, 5), v128.shuffle<i32>(c1, d1, 0, 4, 1, 5), to + 4 * ROW);
      putTwo(v128.shuffle<i32>(a1, b1, 2, 6, 3, 7), v128.shuffle<i32>(c1, d1, 2, 6, 3, 7), to + 6 * ROW);
      at += 16;
      to += 8 * ROW;
    } while (at < bytes);
  }
  return isFinite(greatest);
}

/** Two numbers of eight keys, of which each argument has four: the first number of each in the low halves. */
function putTwo(four: v128, more: v128, to: usize): void {
  putEight(v128.shuffle<i64>(four, more, 0, 2), to);
  putEight(v128.shuffle<i64>(four, more, 1, 3), to + ROW);
}

/** Numbers of a head whose products are summed by themselves, before they are added to the sum of those before. */
const SUMMED: usize = 16 << 2;

/**
 * Scores of a query with 32 keys that lie across: q · key · scale. Every 16 numbers begin a sum of their own: shorter sums
 * round less.
 *
 * @param tile    from one of the keys on: what lies behind the last one gets a score that is of no use
 * @param headDim at least 1
 * @param scores  room for 32
 */
export function scoreAcross(q: usize, tile: usize, headDim: i32, scale: f32, scores: usize): void {
  const end = q + ((<usize>headDim) << 2);
  let stop = min(q + SUMMED, end);
  let onto = false;
  do {
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let e = a;
    let f = a;
    let g = a;
    let h = a;
    do {
      const x = v128.load32_splat(q);
      h = multiplyAdd(h, x, v128.load(tile, 112));
      g = multiplyAdd(g, x, v128.load(tile, 96));
      f = multiplyAdd(f, x, v128.load(tile, 80));
      e = multiplyAdd(e, x, v128.load(tile, 64));
      d = multiplyAdd(d, x, v128.load(tile, 48));
      c = multiplyAdd(c, x, v128.load(tile, 32));
      b = multiplyAdd(b, x, v128.load(tile, 16));
      a = multiplyAdd(a, x, v128.load(tile));
      tile += ROW;
      q += 4;
    } while (q < stop);
    if (onto) {
      a = f32x4.add(a, v128.load(scores));
      b = f32x4.add(b, v128.load(scores, 16));
      c = f32x4.add(c, v128.load(scores, 32));
      d = f32x4.add(d, v128.load(scores, 48));
      e = f32x4.add(e, v128.load(scores, 64));
      f = f32x4.add(f, v128.load(scores, 80));
      g = f32x4.add(g, v128.load(scores, 96));
      h = f32x4.add(h, v128.load(scores, 112));
    }
    if (q == end) {
      const factor = f32x4.splat(scale);
      a = f32x4.mul(a, factor);
      b = f32x4.mul(b, factor);
      c = f32x4.mul(c, factor);
      d = f32x4.mul(d, factor);
      e = f32x4.mul(e, factor);
      f = f32x4.mul(f, factor);
      g = f32x4.mul(g, factor);
      h = f32x4.mul(h, factor);
    }
    v128.store(scores, a);
    v128.store(scores, b, 16);
    v128.store(scores, c, 32);
    v128.store(scores, d, 48);
    v128.store(scores, e, 64);
    v128.store(scores, f, 80);
    v128.store(scores, g, 96);
    v128.store(scores, h, 112);
    onto = true;
    stop = min(stop + SUMMED, end);
  } while (q < end);
}
