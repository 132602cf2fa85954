import { addScaled, highestOf } from './attend';
import { exponential, multiplyAdd, sumOfLanes } from './lanes';
import { widen } from './widen';

// What LESS needs apart from projections. Rows of numbers are padded to whole panels; features are `[rank]`.

/** x = gelu(x) = x · Φ(x), over `bytes` of whole vectors: within 1.5e-7 by erf (Abramowitz and Stegun, 7.1.26). */
export function gelu(x: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const number = v128.load(x + at);
    const u = f32x4.mul(f32x4.abs(number), f32x4.splat(0.70710678));
    const t = f32x4.div(f32x4.splat(1), multiplyAdd(f32x4.splat(1), f32x4.splat(0.3275911), u));
    let series = f32x4.splat(1.061405429);
    series = multiplyAdd(f32x4.splat(-1.453152027), series, t);
    series = multiplyAdd(f32x4.splat(1.421413741), series, t);
    series = multiplyAdd(f32x4.splat(-0.284496736), series, t);
    series = multiplyAdd(f32x4.splat(0.254829592), series, t);
    // 1 − erf(|u|): what is missing of the whole on one side, and half of it is Φ(−|x|).
    const rest = f32x4.mul(f32x4.mul(series, t), exponential(f32x4.neg(f32x4.mul(u, u))));
    const below = f32x4.mul(f32x4.splat(0.5), rest);
    const negative = f32x4.lt(number, f32x4.splat(0));
    const phi = v128.bitselect(below, f32x4.sub(f32x4.splat(1), below), negative);
    v128.store(x + at, f32x4.mul(number, phi));
  }
}

/** x = |x|, over `bytes` of whole vectors. */
export function absolute(x: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(x + at, f32x4.abs(v128.load(x + at)));
}

/**
 * into[head] = (m, Σ exp(score − m)) with the maximum m of the head's `count` scores; (−∞, 0) if all are −∞. There is
 * room for whole vectors of them.
 */
export function sumExponentials(
  scores: usize,
  scoreStride: usize,
  heads: i32,
  count: i32,
  into: usize,
): void {
  const bytes = (<usize>count) << 2;
  for (let head = 0; head < heads; head++) {
    const highest = highestOf(scores, bytes);
    let sum = f32x4.splat(0);
    if (highest != -Infinity) {
      const shift = f32x4.splat(highest);
      for (let at: usize = 0; at < bytes; at += 16) {
        sum = f32x4.add(sum, exponential(f32x4.sub(v128.load(scores + at), shift)));
      }
    }
    store<f32>(into, highest);
    store<f32>(into, sumOfLanes(sum), 4);
    into += 8;
    scores += scoreStride;
  }
}

/** output = rows · output + Σ state · feature · values[feature]; values are `[rank, headDim]` */
export function mixState(
  output: usize,
  headDim: i32,
  rows: f32,
  state: f32,
  features: usize,
  rank: i32,
  values: usize,
): void {
  const bytes = (<usize>headDim) << 2;
  for (let at: usize = 0; at < bytes; at += 4) store<f32>(output + at, rows * load<f32>(output + at));
  for (let r = 0; r < rank; r++) {
    addScaled(output, values, state * load<f32>(features), bytes);
    features += 4;
    values += bytes;
  }
}

/** sums += features; values[feature] += feature · value, for a row that is gone */
export function absorb(
  half: bool,
  features: usize,
  rank: i32,
  value: usize,
  headDim: i32,
  sums: usize,
  values: usize,
  widened: usize,
): void {
  const bytes = (<usize>headDim) << 2;
  const wide = half ? widen(value, headDim, widened) : value;
  for (let r = 0; r < rank; r++) {
    const feature = load<f32>(features);
    store<f32>(sums, load<f32>(sums) + feature);
    addScaled(values, wide, feature, bytes);
    features += 4;
    sums += 4;
    values += bytes;
  }
}
