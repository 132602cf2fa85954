/**
 * Attention of one query row, in three parts, so that keys may lie in several runs of rows (a ring that wraps around, a
 * turn that is not in the cache yet): score each run, soften all scores, mix each run.
 *
 * A run is `[rows, (keys, values), kvHeads, headDim]` in IEEE halves or float32; scores are `[heads, scoreStride]`.
 */
import { exponential, maxOfLanes, multiplyAdd, sumOfLanes } from './lanes';

/** scores[head][row] = q[head] · key[row][kvHead] / √headDim; keys are `rowBytes` apart */
export function scoreKeys(
  half: bool,
  q: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  keys: usize,
  rowBytes: usize,
  rows: i32,
  scores: usize,
  scoreStride: usize,
  widened: usize,
): void {
  const headBytes = (<usize>headDim) << 2;
  const storedBytes = half ? (<usize>headDim) << 1 : headBytes;
  const group = heads / kvHeads;
  const scale: f32 = 1.0 / sqrt<f32>(<f32>headDim);
  for (let row = 0; row < rows; row++) {
    let query = q;
    let score = scores + ((<usize>row) << 2);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const stored = keys + <usize>kvHead * storedBytes;
      const key = half ? widen(stored, headDim, widened) : stored;
      for (let i = 0; i < group; i++) {
        store<f32>(score, dot(query, key, headBytes) * scale);
        query += headBytes;
        score += scoreStride;
      }
    }
    keys += rowBytes;
  }
}

/** The highest of some scores. Fills up the last vector of them with −∞. */
export function highestOf(scores: usize, bytes: usize): f32 {
  for (let at = bytes; (at & 15) != 0; at += 4) store<f32>(scores + at, -Infinity);
  let most = f32x4.splat(-Infinity);
  for (let at: usize = 0; at < bytes; at += 16) most = f32x4.max(most, v128.load(scores + at));
  return maxOfLanes(most);
}

/**
 * The softmax of each head's `count` scores, in place; zeros if all are −∞. There is room for whole vectors of them.
 */
export function soften(scores: usize, scoreStride: usize, heads: i32, count: i32): void {
  const bytes = (<usize>count) << 2;
  for (let head = 0; head < heads; head++) {
    const highest = highestOf(scores, bytes);
    if (highest == -Infinity) {
      memory.fill(scores, 0, bytes);
      scores += scoreStride;
      continue;
    }
    const shift = f32x4.splat(highest);
    // What pads the last vector is e^-87 of the largest: nothing, against a sum of at least 1.
    let sum = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const weight = exponential(f32x4.sub(v128.load(scores + at), shift));
      v128.store(scores + at, weight);
      sum = f32x4.add(sum, weight);
    }
    const factor = f32x4.splat(1.0 / sumOfLanes(sum));
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(scores + at, f32x4.mul(v128.load(scores + at), factor));
    }
    scores += scoreStride;
  }
}

/** y[head] += Σ weights[head][row] · value[row][kvHead] */
export function mixValues(
  half: bool,
  weights: usize,
  weightStride: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  rowsAt: usize,
  rows: i32,
  y: usize,
  widened: usize,
): void {
  const headBytes = (<usize>headDim) << 2;
  const storedBytes = half ? (<usize>headDim) << 1 : headBytes;
  const partBytes = <usize>kvHeads * storedBytes;
  const group = heads / kvHeads;
  for (let row = 0; row < rows; row++) {
    let output = y;
    let weight = weights + ((<usize>row) << 2);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const stored = rowsAt + partBytes + <usize>kvHead * storedBytes;
      const values = half ? widen(stored, headDim, widened) : stored;
      for (let i = 0; i < group; i++) {
        addScaled(output, values, load<f32>(weight), headBytes);
        output += headBytes;
        weight += weightStride;
      }
    }
    rowsAt += 2 * partBytes;
  }
}

function dot(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  let more = sum;
  let at: usize = 0;
  for (; at + 32 <= bytes; at += 32) {
    sum = multiplyAdd(sum, v128.load(a + at), v128.load(b + at));
    more = multiplyAdd(more, v128.load(a + at, 16), v128.load(b + at, 16));
  }
  let rest: f32 = 0;
  for (; at < bytes; at += 4) rest += load<f32>(a + at) * load<f32>(b + at);
  return sumOfLanes(f32x4.add(sum, more)) + rest;
}

/** y += factor · x */
export function addScaled(y: usize, x: usize, factor: f32, bytes: usize): void {
  const factors = f32x4.splat(factor);
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    v128.store(y + at, multiplyAdd(v128.load(y + at), factors, v128.load(x + at)));
  }
  for (; at < bytes; at += 4) store<f32>(y + at, load<f32>(y + at) + factor * load<f32>(x + at));
}

/** Eight halves at a time as float32. Reads up to 14 bytes and writes up to 28 beyond the last; returns `into`. */
export function widen(halves: usize, count: i32, into: usize): usize {
  let at = into;
  for (const end = into + ((<usize>count) << 2); at < end; at += 32) {
    const eight = v128.load(halves);
    v128.store(at, toFloats(i32x4.extend_low_i16x8_u(eight)));
    v128.store(at, toFloats(i32x4.extend_high_i16x8_u(eight)), 16);
    halves += 16;
  }
  return into;
}

/** Halves in the low parts of words, as float32: exactly, small numbers, infinities and NaN too. */
function toFloats(halves: v128): v128 {
  const magnitude = i32x4.shl(v128.and(halves, i32x4.splat(0x7fff)), 13);
  const sign = i32x4.shl(v128.and(halves, i32x4.splat(0x8000)), 16);
  // 2^112 makes up for the difference of the exponents' biases.
  const finite = f32x4.mul(magnitude, f32x4.splat(reinterpret<f32>((127 + 112) << 23)));
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(finite, special), sign);
}
