import { widen } from './widen';

/**
 * What cache policies need of attention. Positions, ranks and sums of a store are `[kvHeads, stride]` by slot; a free
 * slot has the position -1. Scores and probabilities are `[heads, scoreStride]` by slot.
 */

/** Scores of slots whose positions a query does not see, outside [from, to), become −∞. */
export function maskScores(
  scores: usize,
  scoreStride: usize,
  heads: i32,
  kvHeads: i32,
  count: i32,
  positions: usize,
  positionStride: usize,
  from: i32,
  to: i32,
): void {
  const group = heads / kvHeads;
  for (let head = 0; head < heads; head++) {
    const own = positions + <usize>(head / group) * positionStride;
    for (let i = 0; i < count; i++) {
      const at = (<usize>i) << 2;
      const position = load<i32>(own + at);
      if (position < from || position >= to) store<f32>(scores + at, -Infinity);
    }
    scores += scoreStride;
  }
}

/** into[row][kvHead] = the key of the row, rotated by the angle of its rank; `into` is `[rows, kvHeads, headDim]`. */
export function turnKeys(
  half: bool,
  rowsAt: usize,
  rows: i32,
  kvHeads: i32,
  headDim: i32,
  ranks: usize,
  rankStride: usize,
  table: usize,
  into: usize,
  widened: usize,
): void {
  const headBytes = (<usize>headDim) << 2;
  const storedBytes = half ? (<usize>headDim) << 1 : headBytes;
  const halfBytes = headBytes >> 1;
  for (let row = 0; row < rows; row++) {
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const stored = rowsAt + <usize>kvHead * storedBytes;
      const key = half ? widen(stored, headDim, widened) : stored;
      const rank = load<i32>(ranks + <usize>kvHead * rankStride + ((<usize>row) << 2));
      const turn = table + <usize>rank * headBytes;
      for (let at: usize = 0; at < halfBytes; at += 4) {
        const cos = load<f32>(turn + 2 * at);
        const sin = load<f32>(turn + 2 * at, 4);
        const a = load<f32>(key + at);
        const b = load<f32>(key + at + halfBytes);
        store<f32>(into + at, a * cos - b * sin);
        store<f32>(into + at + halfBytes, b * cos + a * sin);
      }
      into += headBytes;
    }
    rowsAt += 2 * <usize>kvHeads * storedBytes;
  }
}

/**
 * into[head][i] = (score + noise) / τ: the logits of Keyformer's softmax.
 *
 * @param hashes what each head's noise is drawn from, for this query
 * @param noise  the table of kv/policies/noise.ts
 */
export function addNoise(
  scores: usize,
  scoreStride: usize,
  heads: i32,
  kvHeads: i32,
  count: i32,
  positions: usize,
  positionStride: usize,
  hashes: usize,
  noise: usize,
  tau: f32,
  into: usize,
): void {
  const group = heads / kvHeads;
  for (let head = 0; head < heads; head++) {
    const own = positions + <usize>(head / group) * positionStride;
    const hash = load<u32>(hashes + ((<usize>head) << 2));
    for (let i = 0; i < count; i++) {
      const at = (<usize>i) << 2;
      const index = pcg(load<u32>(own + at) ^ hash) >> 20;
      store<f32>(into + at, (load<f32>(scores + at) + load<f32>(noise + ((<usize>index) << 2))) / tau);
    }
    scores += scoreStride;
    into += scoreStride;
  }
}

/** sums[kvHead][i] += Σ over the heads of its group: probabilities[head][i] */
export function addProbabilities(
  probabilities: usize,
  scoreStride: usize,
  heads: i32,
  kvHeads: i32,
  count: i32,
  sums: usize,
  sumStride: usize,
): void {
  const group = heads / kvHeads;
  for (let head = 0; head < heads; head++) {
    const own = sums + <usize>(head / group) * sumStride;
    for (let i = 0; i < count; i++) {
      const at = (<usize>i) << 2;
      store<f32>(own + at, load<f32>(own + at) + load<f32>(probabilities + at));
    }
    probabilities += scoreStride;
  }
}

function pcg(v: u32): u32 {
  const s = v * 747796405 + 2891336453;
  const w = ((s >> ((s >> 28) + 4)) ^ s) * 277803737;
  return (w >> 22) ^ w;
}
