/** Sums of products with packed matrices, in float32: each group of columns adds its own, in order. */
import { multiplyAdd } from './lanes';
import { highHalves, lowHalves, PANEL_ROWS, raise } from './panels';
import { X_SCALE } from './quantize-input';

/** Bytes of the sums of a panel. */
export const PANEL_BYTES: usize = 4 * <usize>PANEL_ROWS;

/** Makes the sums of a panel zero. */
export function clear(sums: usize): void {
  for (const end = sums + PANEL_BYTES; sums < end; sums += 16) v128.store(sums, f32x4.splat(0));
}

/** Adds a group's products onto four sums. The scale of x, which may be huge, comes last. */
function addGroup(sums: usize, products: v128, xScale: v128, scales: v128): void {
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(products), scales);
  v128.store(sums, multiplyAdd(v128.load(sums), scaled, xScale));
}

/** The same for eight rows. */
export function addTwo(sums: usize, low: v128, high: v128, x: usize, scales0: v128, scales1: v128): void {
  const xScale = v128.load32_splat(x, X_SCALE);
  addGroup(sums, low, xScale, scales0);
  addGroup(sums + 16, high, xScale, scales1);
}

/** The same for sixteen rows, whose scales lie at `scales` as they are stored. */
export function addFour(sums: usize, scales: usize, x: usize, a0: v128, a1: v128, a2: v128, a3: v128): void {
  const low = v128.load(scales);
  const high = v128.load(scales, 16);
  addTwo(sums, a0, a1, x, raised(lowHalves(low)), raised(highHalves(low)));
  addTwo(sums + 32, a2, a3, x, raised(lowHalves(high)), raised(highHalves(high)));
}

/** A lowered half as the number that it stands for. */
export function raised(lowered: v128): v128 {
  return f32x4.mul(lowered, f32x4.splat(raise));
}
