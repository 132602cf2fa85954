// The half-precision number nearest to x, ties to even, as 16 bits: WGSL does not promise how pack2x16float rounds,
// and the CPU must agree. The mirror of toF16Bits in numbers/element-type.ts.
fn halfBits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude < 0x38800000u) {
    return sign | (bitcast<u32>(bitcast<f32>(magnitude) + 0.5) - 0x3f000000u);
  }
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u);
}

fn packHalves(low: f32, high: f32) -> u32 {
  return halfBits(low) | (halfBits(high) << 16u);
}
