/** Norms each head in place: head / rms(head) · gain (Qwen3). */
export function normHeads(x: usize, gain: usize, heads: i32, headDim: i32, eps: f32): void {
  const end = (<usize>headDim) << 2;
  for (let head = 0; head < heads; head++) {
    let squares: f32 = 0;
    for (let at: usize = 0; at < end; at += 4) squares += load<f32>(x + at) * load<f32>(x + at);
    const scale: f32 = 1.0 / sqrt<f32>(squares / <f32>headDim + eps);
    for (let at: usize = 0; at < end; at += 4) {
      store<f32>(x + at, load<f32>(x + at) * scale * load<f32>(gain + at));
    }
    x += end;
  }
}

/**
 * Rotates each head in place, pairing element i with element i + headDim / 2.
 *
 * @param table one position's `[headDim / 2, (cos, sin)]`
 */
export function rotate(x: usize, table: usize, heads: i32, headDim: i32): void {
  const half = (<usize>(headDim / 2)) << 2;
  for (let head = 0; head < heads; head++) {
    for (let at: usize = 0; at < half; at += 4) {
      const cos = load<f32>(table + 2 * at);
      const sin = load<f32>(table + 2 * at, 4);
      const a = load<f32>(x + at);
      const b = load<f32>(x + at + half);
      store<f32>(x + at, a * cos - b * sin);
      store<f32>(x + at + half, b * cos + a * sin);
    }
    x += 2 * half;
  }
}

/** Writes `count` float32 numbers as IEEE halves, ties to even: `toF16Bits` of numbers/element-type.ts. */
export function storeHalves(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    store<u16>(y, toHalf(load<u32>(x)));
    x += 4;
    y += 2;
  }
}

export function toHalf(bits: u32): u16 {
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return <u16>(sign | 0x7e00); // NaN
  if (magnitude >= 0x477ff000) return <u16>(sign | 0x7c00); // rounds to 65536 or more: infinity
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits of the mantissa.
    return <u16>(sign | (reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000));
  }
  const roundedToEven = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return <u16>(sign | ((roundedToEven - 0x38000000) >> 13));
}
