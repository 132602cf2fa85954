/**
 * Quantizes rows to 8 or 4 bits: `quantizeRows` of numbers/quantize.ts, which describes the packed rows, to the bit.
 *
 * Numbers are multiplied in float64, as in JavaScript. The sums of the search may be taken in any order, because they are
 * exact: a number whose q is not 0 is at least 1/18 of the group's largest, so that all products of a group lie within
 * 24 + 5 + 4 bits, and their sum within 38.
 */
import { toHalf } from './heads';
import { widen } from './widen';

const GROUP: i32 = 32;
const GROUP_NUMBERS: usize = 128;

/** `count` halves as float32: see widen.ts. */
export function fromHalves(halves: usize, count: i32, into: usize): void {
  widen(halves, count, into);
}

/** `count` numbers in bfloat16 as float32. Reads up to 14 bytes and writes up to 28 beyond the last. */
export function fromBrain(numbers: usize, count: i32, into: usize): void {
  for (const end = into + ((<usize>count) << 2); into < end; into += 32) {
    const eight = v128.load(numbers);
    v128.store(into, i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16));
    v128.store(into, i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16), 16);
    numbers += 16;
  }
}

/**
 * Packs rows.
 *
 * @param values `[rows, cols]` in float32
 * @param packed room for `[rows]` packed rows
 * @param group  room for 32 numbers
 * @returns whether every number could be quantized
 */
export function quantizeRows(
  q8: bool,
  values: usize,
  cols: i32,
  rows: i32,
  packed: usize,
  group: usize,
): bool {
  const groups = (cols + GROUP - 1) / GROUP;
  const groupBytes: usize = q8 ? 32 : 16;
  const scalesBytes = (((<usize>groups) << 1) + 15) & ~15;
  const largest: f32 = q8 ? 65504 * 127 : 65504 * 7;
  for (let row = 0; row < rows; row++) {
    let scales = packed + <usize>groups * groupBytes;
    memory.fill(scales, 0, scalesBytes);
    const next = scales + scalesBytes;
    for (let col = 0; col < cols; col += GROUP) {
      let from = values;
      const count = min(GROUP, cols - col);
      if (count < GROUP) {
        memory.fill(group, 0, GROUP_NUMBERS);
        memory.copy(group, values, (<usize>count) << 2);
        from = group;
      }
      const extreme = extremeOf(from);
      if (!(abs(extreme) <= largest)) return false;
      const half = q8 ? scaleOf8(<f64>abs(extreme)) : scaleOf4(from, <f64>extreme);
      store<u16>(scales, <u16>half);
      scales += 2;
      const scale = toFloat(half);
      const inverse: f64 = scale == 0 ? 0 : 1 / scale;
      if (q8) packBytes(from, inverse, packed);
      else packNibbles(from, inverse, packed);
      packed += groupBytes;
      values += (<usize>count) << 2;
    }
    packed = next;
  }
  return true;
}

function toFloat(half: u32): f64 {
  const magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return Infinity;
  // 2^112 makes up for the difference of the exponents' biases.
  const positive = reinterpret<f32>(magnitude << 13) * reinterpret<f32>((127 + 112) << 23);
  return <f64>(half & 0x8000 ? -positive : positive);
}

/** The number farthest from 0, the first of several, with its sign; NaN if there is one. */
function extremeOf(group: usize): f32 {
  let most = f32x4.splat(0);
  for (let at: usize = 0; at < GROUP_NUMBERS; at += 16)
    most = f32x4.max(most, f32x4.abs(v128.load(group + at)));
  const pairs = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1));
  const largest = max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
  for (let at: usize = 0; at < GROUP_NUMBERS; at += 4) {
    const value = load<f32>(group + at);
    if (abs(value) == largest) return largest == 0 ? 0 : value;
  }
  return largest;
}

function scaleOf8(most: f64): u32 {
  const bits = <u32>toHalf(reinterpret<u32>(<f32>(most / 127)));
  return toFloat(bits) * 127 < most ? bits + 1 : bits;
}

/** Two of floor(value · inverse + 0.5). */
function nearest(values: v128, inverse: v128): v128 {
  return f64x2.floor(f64x2.add(f64x2.mul(values, inverse), f64x2.splat(0.5)));
}

/** The nearest of -8…7. */
function nearestOf16(values: v128, inverse: v128): v128 {
  return f64x2.pmax(f64x2.pmin(nearest(values, inverse), f64x2.splat(7)), f64x2.splat(-8));
}

function reachOf(candidate: i32): f64 {
  if (candidate == 0) return 7;
  if (candidate == 1) return 7.4;
  if (candidate == 2) return 7.8;
  return candidate == 3 ? 8.2 : 8.6;
}

function scaleOf4(group: usize, extreme: f64): u32 {
  if (extreme == 0) return 0;
  let best = extreme / -8;
  let bestGain: f64 = 0;
  for (let candidate = 0; candidate < 5; candidate++) {
    const inverse = f64x2.splat(-reachOf(candidate) / extreme);
    let products = f64x2.splat(0);
    let squares = f64x2.splat(0);
    const end = group + GROUP_NUMBERS;
    let at = group;
    do {
      const values = f64x2.promote_low_f32x4(v128.load64_zero(at));
      const q = nearestOf16(values, inverse);
      products = f64x2.add(products, f64x2.mul(values, q));
      squares = f64x2.add(squares, f64x2.mul(q, q));
      at += 8;
    } while (at < end);
    const product = f64x2.extract_lane(products, 0) + f64x2.extract_lane(products, 1);
    const square = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
    const gain = (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      best = product / square;
    }
  }
  return <u32>toHalf(reinterpret<u32>(<f32>best));
}

function packBytes(group: usize, inverse: f64, packed: usize): void {
  const inverses = f64x2.splat(inverse);
  for (let at: usize = 0; at < GROUP_NUMBERS; at += 8) {
    const values = f64x2.promote_low_f32x4(v128.load64_zero(group + at));
    const q = i32x4.trunc_sat_f64x2_s_zero(nearest(values, inverses));
    store<u8>(packed, <u8>i32x4.extract_lane(q, 0));
    store<u8>(packed, <u8>i32x4.extract_lane(q, 1), 1);
    packed += 2;
  }
}

function packNibbles(group: usize, inverse: f64, packed: usize): void {
  const inverses = f64x2.splat(inverse);
  for (let at: usize = 0; at < GROUP_NUMBERS; at += 8) {
    const values = f64x2.promote_low_f32x4(v128.load64_zero(group + at));
    const q = i32x4.trunc_sat_f64x2_s_zero(nearestOf16(values, inverses));
    store<u8>(packed, <u8>((i32x4.extract_lane(q, 0) & 15) | (i32x4.extract_lane(q, 1) << 4)));
    packed++;
  }
}
