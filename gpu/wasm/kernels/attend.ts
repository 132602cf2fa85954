/**
 * Attention of one query row to a store under a policy, in three parts, so that keys may lie in several runs of rows and
 * scores may be looked at: score each run, soften all scores, mix each run.
 *
 * A run is `[rows, (keys, values), kvHeads, headDim]` in IEEE halves or float32; scores are `[heads, scoreStride]`. Four
 * rows are taken at a time if a head has whole pairs of vectors. The sums are the same as of one row.
 *
 * `widened` is room for `[4, headDim]` numbers.
 */
import { exponential, maxOfLanes, multiplyAdd, sumOfLanes } from './lanes';
import { widen, widenRows } from './widen';

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
  let row = 0;
  if ((headBytes & 31) == 0) {
    for (; row + 4 <= rows; row += 4) {
      let query = q;
      let score = scores + ((<usize>row) << 2);
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        const stored = keys + <usize>kvHead * storedBytes;
        if (half) widenRows(stored, rowBytes, headDim, 4, widened);
        const four = half ? widened : stored;
        const apart = half ? headBytes : rowBytes;
        for (let i = 0; i < group; i++) {
          v128.store(score, f32x4.mul(dotFour(query, four, apart, headBytes), f32x4.splat(scale)));
          query += headBytes;
          score += scoreStride;
        }
      }
      keys += 4 * rowBytes;
    }
  }
  for (; row < rows; row++) {
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

/** The highest of some scores, of which some may be NaN; NaN if all are. Fills up the last vector of them with −∞. */
export function highestOf(scores: usize, bytes: usize): f32 {
  for (let at = bytes; (at & 15) != 0; at += 4) store<f32>(scores + at, -Infinity);
  let most = f32x4.splat(-Infinity);
  for (let at: usize = 0; at < bytes; at += 16) most = f32x4.pmax(most, v128.load(scores + at));
  const highest = maxOfLanes(most);
  if (highest != -Infinity) return highest;
  // One instruction, but it passes over NaN. Here there is nothing else, or nothing at all.
  for (let at: usize = 0; at < bytes; at += 16) most = f32x4.max(most, v128.load(scores + at));
  return maxOfLanes(most);
}

/**
 * The softmax of each head's `count` scores, in place; zeros if all are −∞. There is room for whole vectors of them.
 */
export function soften(scores: usize, scoreStride: usize, heads: i32, count: i32): void {
  const bytes = (<usize>count) << 2;
  for (let head = 0; head < heads; head++) {
    const factor = f32x4.splat(exponentials(scores, bytes));
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(scores + at, f32x4.mul(v128.load(scores + at), factor));
    }
    scores += scoreStride;
  }
}

/**
 * e to the power of scores less the highest of them, in place; zeros if all are −∞.
 *
 * @param bytes more than 0
 * @returns one by their sum; 0 if all are −∞
 */
export function exponentials(scores: usize, bytes: usize): f32 {
  const highest = highestOf(scores, bytes);
  if (highest == -Infinity) {
    memory.fill(scores, 0, bytes);
    return 0;
  }
  const shift = f32x4.splat(highest);
  // What pads the last vector is e^-87 of the largest: nothing, against a sum of at least 1.
  let sum = f32x4.splat(0);
  let at: usize = 0;
  do {
    const weight = exponential(f32x4.sub(v128.load(scores + at), shift));
    v128.store(scores + at, weight);
    sum = f32x4.add(sum, weight);
    at += 16;
  } while (at < bytes);
  return 1.0 / sumOfLanes(sum);
}

/** y[head] += Σ weights[head][row] · value[row][kvHead]; values are `rowBytes` apart */
export function mixValues(
  half: bool,
  weights: usize,
  weightStride: usize,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  valuesAt: usize,
  rowBytes: usize,
  rows: i32,
  y: usize,
  widened: usize,
): void {
  const headBytes = (<usize>headDim) << 2;
  const storedBytes = half ? (<usize>headDim) << 1 : headBytes;
  const group = heads / kvHeads;
  let row = 0;
  if ((headBytes & 31) == 0) {
    for (; row + 4 <= rows; row += 4) {
      let output = y;
      let weight = weights + ((<usize>row) << 2);
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        const stored = valuesAt + <usize>kvHead * storedBytes;
        if (half) widenRows(stored, rowBytes, headDim, 4, widened);
        const four = half ? widened : stored;
        const apart = half ? headBytes : rowBytes;
        for (let i = 0; i < group; i++) {
          addFourScaled(output, four, apart, weight, headBytes);
          output += headBytes;
          weight += weightStride;
        }
      }
      valuesAt += 4 * rowBytes;
    }
  }
  for (; row < rows; row++) {
    let output = y;
    let weight = weights + ((<usize>row) << 2);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const stored = valuesAt + <usize>kvHead * storedBytes;
      const values = half ? widen(stored, headDim, widened) : stored;
      for (let i = 0; i < group; i++) {
        addScaled(output, values, load<f32>(weight), headBytes);
        output += headBytes;
        weight += weightStride;
      }
    }
    valuesAt += rowBytes;
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

/** The products of a with four b that are `apart`, as {@link dot} adds them up; `bytes` are whole pairs of vectors. */
function dotFour(a: usize, b: usize, apart: usize, bytes: usize): v128 {
  let s0 = f32x4.splat(0);
  let m0 = s0;
  let s1 = s0;
  let m1 = s0;
  let s2 = s0;
  let m2 = s0;
  let s3 = s0;
  let m3 = s0;
  const b1 = b + apart;
  const b2 = b1 + apart;
  const b3 = b2 + apart;
  let at: usize = 0;
  do {
    const x = v128.load(a + at);
    const y = v128.load(a + at, 16);
    m3 = multiplyAdd(m3, y, v128.load(b3 + at, 16));
    s3 = multiplyAdd(s3, x, v128.load(b3 + at));
    m2 = multiplyAdd(m2, y, v128.load(b2 + at, 16));
    s2 = multiplyAdd(s2, x, v128.load(b2 + at));
    m1 = multiplyAdd(m1, y, v128.load(b1 + at, 16));
    s1 = multiplyAdd(s1, x, v128.load(b1 + at));
    m0 = multiplyAdd(m0, y, v128.load(b + at, 16));
    s0 = multiplyAdd(s0, x, v128.load(b + at));
    at += 32;
  } while (at < bytes);
  // Each sum of lanes is (0 + 2) + (1 + 3), as in `sumOfLanes`.
  const low = halvesAdded(f32x4.add(s0, m0), f32x4.add(s1, m1));
  const high = halvesAdded(f32x4.add(s2, m2), f32x4.add(s3, m3));
  return f32x4.add(v128.shuffle<f32>(low, high, 0, 1, 4, 5), v128.shuffle<f32>(low, high, 2, 3, 6, 7));
}

/** (a0 + a2, b0 + b2, a1 + a3, b1 + b3) */
function halvesAdded(a: v128, b: v128): v128 {
  return f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
}

/** y += Σ factor · x for four x that are `apart`, one after the other; `bytes` are whole vectors. */
function addFourScaled(y: usize, x: usize, apart: usize, factors: usize, bytes: usize): void {
  const f0 = v128.load32_splat(factors);
  const f1 = v128.load32_splat(factors, 4);
  const f2 = v128.load32_splat(factors, 8);
  const f3 = v128.load32_splat(factors, 12);
  const x1 = x + apart;
  const x2 = x1 + apart;
  const x3 = x2 + apart;
  let at: usize = 0;
  do {
    let sum = multiplyAdd(v128.load(y + at), f0, v128.load(x + at));
    sum = multiplyAdd(sum, f1, v128.load(x1 + at));
    sum = multiplyAdd(sum, f2, v128.load(x2 + at));
    v128.store(y + at, multiplyAdd(sum, f3, v128.load(x3 + at)));
    at += 16;
  } while (at < bytes);
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
