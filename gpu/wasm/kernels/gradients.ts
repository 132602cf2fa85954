// The rest of training: what a decoder does between its matrices, forwards and backwards. Rows lie one after the other
// without padding. Functions over `bytes` work on whole vectors, and buffers have room for the last.
import { exponential, multiplyAdd, sumOfLanes } from './lanes';

/** y = x / rms(x) · gain, for `count` rows of `cols` numbers. */
export function normRows(x: usize, gain: usize, cols: i32, eps: f32, y: usize, count: i32): void {
  const rowBytes = (<usize>cols) << 2;
  for (let row = 0; row < count; row++) {
    const scale = scaleOf(x, rowBytes, cols, eps);
    for (let at: usize = 0; at < rowBytes; at += 4) {
      store<f32>(y + at, load<f32>(x + at) * scale * load<f32>(gain + at));
    }
    x += rowBytes;
    y += rowBytes;
  }
}

/** 1 / rms(x) */
function scaleOf(x: usize, rowBytes: usize, cols: i32, eps: f32): f32 {
  return 1.0 / sqrt<f32>(dotOf(x, x, rowBytes) / <f32>cols + eps);
}

/** Σ a · b over one row */
function dotOf(a: usize, b: usize, rowBytes: usize): f32 {
  let sum = f32x4.splat(0);
  let at: usize = 0;
  for (; at + 16 <= rowBytes; at += 16) sum = multiplyAdd(sum, v128.load(a + at), v128.load(b + at));
  let rest: f32 = 0;
  for (; at < rowBytes; at += 4) rest += load<f32>(a + at) * load<f32>(b + at);
  return sumOfLanes(sum) + rest;
}

/**
 * The gradients of `normRows`. dx += s · gain · dy − x · s³ / cols · Σ gain · dy · x, where s = 1 / rms(x).
 *
 * @param dx    may be dy if `onto` is false
 * @param dGain += dy · x · s, or 0 if nobody needs it
 */
export function normRowsBack(
  x: usize,
  gain: usize,
  cols: i32,
  eps: f32,
  dy: usize,
  dx: usize,
  onto: bool,
  dGain: usize,
  count: i32,
): void {
  const rowBytes = (<usize>cols) << 2;
  for (let row = 0; row < count; row++) {
    const scale = scaleOf(x, rowBytes, cols, eps);
    let sum: f32 = 0;
    for (let at: usize = 0; at < rowBytes; at += 4) {
      const product = load<f32>(dy + at) * load<f32>(x + at);
      sum += product * load<f32>(gain + at);
      if (dGain != 0) store<f32>(dGain + at, load<f32>(dGain + at) + product * scale);
    }
    const back = (sum * scale * scale * scale) / <f32>cols;
    for (let at: usize = 0; at < rowBytes; at += 4) {
      const value = load<f32>(dy + at) * load<f32>(gain + at) * scale - load<f32>(x + at) * back;
      store<f32>(dx + at, onto ? load<f32>(dx + at) + value : value);
    }
    x += rowBytes;
    dy += rowBytes;
    dx += rowBytes;
  }
}

/**
 * Rotates the heads of `count` rows in place; row i has position i. The gradient turns the other way.
 *
 * @param table `[positions, headDim / 2, (cos, sin)]`
 */
export function rotateRows(x: usize, table: usize, heads: i32, headDim: i32, count: i32, back: bool): void {
  const half = (<usize>(headDim / 2)) << 2;
  for (let row = 0; row < count; row++) {
    for (let head = 0; head < heads; head++) {
      for (let at: usize = 0; at < half; at += 4) {
        const cos = load<f32>(table + 2 * at);
        const sin = back ? -load<f32>(table + 2 * at, 4) : load<f32>(table + 2 * at, 4);
        const a = load<f32>(x + at);
        const b = load<f32>(x + at + half);
        store<f32>(x + at, a * cos - b * sin);
        store<f32>(x + at + half, b * cos + a * sin);
      }
      x += 2 * half;
    }
    table += 2 * half;
  }
}

/** into = silu(gate) · up. Shazeer, arXiv:2002.05202 */
export function gateUp(gate: usize, up: usize, into: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gate + at);
    v128.store(into + at, f32x4.mul(f32x4.mul(g, sigmoid(g)), v128.load(up + at)));
  }
}

/** gate and up become their gradients, given that of the product. */
export function gateUpBack(gate: usize, up: usize, dProduct: usize, bytes: usize): void {
  const one = f32x4.splat(1);
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gate + at);
    const s = sigmoid(g);
    const d = v128.load(dProduct + at);
    const u = v128.load(up + at);
    v128.store(up + at, f32x4.mul(d, f32x4.mul(g, s)));
    const slope = f32x4.mul(s, multiplyAdd(one, g, f32x4.sub(one, s)));
    v128.store(gate + at, f32x4.mul(f32x4.mul(d, u), slope));
  }
}

function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exponential(f32x4.neg(x))));
}

/**
 * The attention weights of `count` queries, in place: the softmax of scale · score over the keys that each sees, zeros
 * elsewhere, and all zeros for a query that sees none. Row i is the query at position `first + i`; column j the key at
 * `firstKey + j`. The mask is gpu/kv/mask.ts.
 *
 * @param stride bytes from row to row, whole vectors
 */
export function softenSeen(
  scores: usize,
  stride: usize,
  cols: i32,
  count: i32,
  first: i32,
  firstKey: i32,
  window: i32,
  diagonal: bool,
  scale: f32,
): void {
  for (let row = 0; row < count; row++) {
    const position = first + row;
    const from = max(0, max(0, position - window + 1) - firstKey);
    const to = min(cols, (diagonal ? position + 1 : position) - firstKey);
    softenPart(scores, (<usize>max(0, from)) << 2, (<usize>max(0, to)) << 2, stride, scale);
    scores += stride;
  }
}

/** The softmax of the numbers from byte `from` to byte `to` of a row; the others become zero. */
function softenPart(row: usize, from: usize, to: usize, stride: usize, scale: f32): void {
  if (from >= to) {
    memory.fill(row, 0, stride);
    return;
  }
  let highest: f32 = -Infinity;
  for (let at = from; at < to; at += 4) highest = max(highest, load<f32>(row + at));
  const shift = f32x4.splat(highest * scale);
  const factor = f32x4.splat(scale);
  for (let at = from & ~15; at < to; at += 16) {
    v128.store(row + at, exponential(f32x4.sub(f32x4.mul(v128.load(row + at), factor), shift)));
  }
  memory.fill(row, 0, from);
  memory.fill(row + to, 0, stride - to);
  let sum = f32x4.splat(0);
  for (let at = from & ~15; at < to; at += 16) sum = f32x4.add(sum, v128.load(row + at));
  const inverse = f32x4.splat(1.0 / sumOfLanes(sum));
  for (let at = from & ~15; at < to; at += 16) v128.store(row + at, f32x4.mul(v128.load(row + at), inverse));
}

/**
 * dWeights become the gradients of the scores: scale · w · (dw − Σ w · dw), row by row.
 *
 * @param stride bytes from row to row, whole vectors; the weights are zero from `cols` on
 */
export function softenBack(
  weights: usize,
  dWeights: usize,
  stride: usize,
  cols: i32,
  count: i32,
  scale: f32,
): void {
  const used = (<usize>cols) << 2;
  for (let row = 0; row < count; row++) {
    memory.fill(dWeights + used, 0, stride - used);
    const sum = f32x4.splat(dotOf(weights, dWeights, stride));
    for (let at: usize = 0; at < stride; at += 16) {
      const moved = f32x4.sub(v128.load(dWeights + at), sum);
      v128.store(dWeights + at, f32x4.mul(f32x4.mul(v128.load(weights + at), moved), f32x4.splat(scale)));
    }
    weights += stride;
    dWeights += stride;
  }
}

/**
 * Σ −ln p(target) over `count` rows of logits, without the logarithms: it is what this returns plus the sum of ln of each
 * row's number in `sums`. (AssemblyScript's logarithm has a table in linear memory, which is all ours.) With a factor the
 * logits become factor · (p − 1 at the target): the gradients of factor times the whole sum.
 *
 * @param factor 0 for no gradients
 * @param sums   `[count]` float64
 */
export function crossEntropy(
  logits: usize,
  vocab: i32,
  targets: usize,
  count: i32,
  factor: f32,
  sums: usize,
): f64 {
  const rowBytes = (<usize>vocab) << 2;
  let total: f64 = 0;
  for (let row = 0; row < count; row++) {
    const target = logits + ((<usize>load<u32>(targets)) << 2);
    let highest: f32 = -Infinity;
    for (let at: usize = 0; at < rowBytes; at += 4) highest = max(highest, load<f32>(logits + at));
    const wanted = load<f32>(target) - highest;
    let sum: f64 = 0;
    let at: usize = 0;
    const shift = f32x4.splat(highest);
    for (; at + 16 <= rowBytes; at += 16) {
      const four = exponential(f32x4.sub(v128.load(logits + at), shift));
      if (factor != 0) v128.store(logits + at, four);
      sum += <f64>sumOfLanes(four);
    }
    for (; at < rowBytes; at += 4) {
      const one = f32x4.extract_lane(exponential(f32x4.splat(load<f32>(logits + at) - highest)), 0);
      if (factor != 0) store<f32>(logits + at, one);
      sum += <f64>one;
    }
    store<f64>(sums, sum);
    total -= <f64>wanted;
    if (factor != 0) {
      const each = <f32>(<f64>factor / sum);
      for (at = 0; at < rowBytes; at += 4) store<f32>(logits + at, load<f32>(logits + at) * each);
      store<f32>(target, load<f32>(target) - factor);
    }
    logits += rowBytes;
    targets += 4;
    sums += 8;
  }
  return total;
}

/** y += x, over `bytes` of whole vectors. */
export function addTo(y: usize, x: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
  }
}

/** Adds a bias to each of `count` rows. */
export function addBias(y: usize, bias: usize, cols: i32, count: i32): void {
  const rowBytes = (<usize>cols) << 2;
  for (let row = 0; row < count; row++) {
    for (let at: usize = 0; at < rowBytes; at += 4) {
      store<f32>(y + at, load<f32>(y + at) + load<f32>(bias + at));
    }
    y += rowBytes;
  }
}

/** dBias += the sum of `count` rows. */
export function sumRows(dy: usize, dBias: usize, cols: i32, count: i32): void {
  const rowBytes = (<usize>cols) << 2;
  for (let row = 0; row < count; row++) {
    for (let at: usize = 0; at < rowBytes; at += 4) {
      store<f32>(dBias + at, load<f32>(dBias + at) + load<f32>(dy + at));
    }
    dy += rowBytes;
  }
}

/** Σ x², over `count` numbers. */
export function sumOfSquares(x: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (const end = x + ((<usize>count) << 2); x < end; x += 4) {
    const value = <f64>load<f32>(x);
    sum += value * value;
  }
  return sum;
}

/**
 * One step of AdamW (Loshchilov and Hutter, arXiv:1711.05101) over `count` numbers.
 *
 * @param factor   of the gradients, which clips their norm
 * @param rate     over 1 − beta1^t
 * @param widen    1 / √(1 − beta2^t)
 * @param keep     1 − learning rate · decay
 */
export function adamW(
  weights: usize,
  gradients: usize,
  means: usize,
  squares: usize,
  count: i32,
  factor: f32,
  beta1: f32,
  beta2: f32,
  rate: f32,
  widen: f32,
  eps: f32,
  keep: f32,
): void {
  for (let at: usize = 0; at < (<usize>count) << 2; at += 4) {
    const gradient = load<f32>(gradients + at) * factor;
    const mean = beta1 * load<f32>(means + at) + (1 - beta1) * gradient;
    const square = beta2 * load<f32>(squares + at) + (1 - beta2) * gradient * gradient;
    store<f32>(means + at, mean);
    store<f32>(squares + at, square);
    const move = (rate * mean) / (sqrt<f32>(square) * widen + eps);
    store<f32>(weights + at, load<f32>(weights + at) * keep - move);
  }
}
