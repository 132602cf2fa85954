import { exponential, multiplyAdd, sumOfLanes } from './lanes';

/** Makes bytes zero. */
export function clear(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}

/** Copies bytes to other ones. */
export function copy(from: usize, to: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}

/** y = x / rms(x) · gain for `count` rows of `cols` numbers; what pads a row of x is zero, and so is what pads y. */
export function rmsNorm(
  x: usize,
  xStride: usize,
  gain: usize,
  cols: i32,
  eps: f32,
  y: usize,
  yStride: usize,
  count: i32,
): void {
  const bytes = ((<usize>cols + 3) & ~3) << 2;
  for (let row = 0; row < count; row++) {
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const numbers = v128.load(x + at);
      squares = multiplyAdd(squares, numbers, numbers);
    }
    const scale = f32x4.splat(1.0 / sqrt<f32>(sumOfLanes(squares) / <f32>cols + eps));
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(y + at, f32x4.mul(f32x4.mul(v128.load(x + at), scale), v128.load(gain + at)));
    }
    x += xStride;
    y += yStride;
  }
}

/** gate = silu(gate) · up, over `bytes` of whole vectors, at least one. Shazeer, arXiv:2002.05202 */
export function swiglu(gate: usize, up: usize, bytes: usize): void {
  let at: usize = 0;
  do {
    const g = v128.load(gate + at);
    const sigmoid = f32x4.div(g, f32x4.add(f32x4.splat(1), exponential(f32x4.neg(g))));
    v128.store(gate + at, f32x4.mul(sigmoid, v128.load(up + at)));
    at += 16;
  } while (at < bytes);
}
