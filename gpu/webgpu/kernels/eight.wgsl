// Eight consecutive numbers of a weight or cache row, as stored: one vec4u of 16-bit numbers, or two of float32.
override FORMAT: u32;  // 0: f32, 1: f16, 2: bf16; of weights also 3: q8, 4: q4
override VECS: u32;    // vec4u in eight numbers: 2 for f32, else 1

struct Eight { a: vec4f, b: vec4f }

// `second` is read for f32 only.
fn unpack8(first: vec4u, second: vec4u) -> Eight {
  switch FORMAT {
    case 0u: {
      return Eight(bitcast<vec4f>(first), bitcast<vec4f>(second));
    }
    case 1u: {
      return Eight(
        vec4f(unpack2x16float(first.x), unpack2x16float(first.y)),
        vec4f(unpack2x16float(first.z), unpack2x16float(first.w)));
    }
    default: {
      let low = bitcast<vec4f>(first << vec4u(16u));
      let high = bitcast<vec4f>(first & vec4u(0xffff0000u));
      return Eight(vec4f(low.x, high.x, low.y, high.y), vec4f(low.z, high.z, low.w, high.w));
    }
  }
}
