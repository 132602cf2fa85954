/**
 * A constant that stays in a register. Since version 13 (Node 24), V8 computes constants that it knows again in every round
 * of a loop, which takes as long as what is done with them.
 *
 * @param count 0 or more, which engines cannot know
 */
export function kept(constant: i32, count: i32): v128 {
  return i32x4.splat(constant + (count >> 31));
}

/** a + x · y, in one rounding if the engine has the relaxed instruction, else in two. */
export function multiplyAdd(a: v128, x: v128, y: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(x, y, a) : f32x4.add(a, f32x4.mul(x, y));
}

export function sumOfLanes(v: v128): f32 {
  const pairs = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

export function maxOfLanes(v: v128): f32 {
  const pairs = f32x4.max(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/**
 * e^x within 2 ulp, for x of -87 to 88; beyond, that of the border. x = n · ln 2 + r; e^r by the polynomial of Cephes'
 * `expf` (Moshier), 2^n by its exponent bits.
 */
export function exponential(x: v128): v128 {
  // Engines need many instructions for min, max and trunc_sat; these are one each, and leave NaN as it is.
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87)), f32x4.splat(88));
  // Beside 1.5 · 2^23 there is no room for a fraction, and n is what the sum's low bits are.
  const sum = f32x4.add(f32x4.mul(bounded, f32x4.splat(1.44269504)), f32x4.splat(12582912));
  const n = f32x4.sub(sum, f32x4.splat(12582912));
  const coarse = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(coarse, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = multiplyAdd(f32x4.splat(1.3981999507e-3), p, r);
  p = multiplyAdd(f32x4.splat(8.3334519073e-3), p, r);
  p = multiplyAdd(f32x4.splat(4.1665795894e-2), p, r);
  p = multiplyAdd(f32x4.splat(1.6666665459e-1), p, r);
  p = multiplyAdd(f32x4.splat(5.0000001201e-1), p, r);
  p = multiplyAdd(f32x4.add(r, f32x4.splat(1)), p, f32x4.mul(r, r));
  const scale = i32x4.shl(i32x4.add(sum, i32x4.splat(127)), 23);
  return f32x4.mul(p, scale);
}
