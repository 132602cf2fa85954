// Rows of a weight matrix in any format, of which a kernel has weightAt and weightWordAt. A unit is what one address holds: eight numbers, or one vec4u of quantized
// ones, whose scales lie behind all units of the row. numbers/quantize.ts packs them.
override EIGHTS: u32 = 1u;  // in a unit: 2 of 8-bit numbers, 4 of 4-bit ones

struct Unit { first: vec4u, second: vec4u, scale: f32 }

fn unitsInRow() -> u32 {
  if (FORMAT < 3u) { return shape.cols / 8u; }
  return (shape.cols + 31u) / 32u * (4u / EIGHTS); // whole groups of 32
}

// vec4u in a row: its units, and eight scales in each that follows.
fn rowVecs() -> u32 {
  if (FORMAT < 3u) { return shape.cols / 8u * VECS; }
  return unitsInRow() + (shape.cols + 255u) / 256u;
}

// Unit i of the row that begins at `start`.
fn unitAt(start: u32, i: u32) -> Unit {
  if (FORMAT < 3u) {
    let at = start + i * VECS;
    return Unit(weightAt(at), weightAt(at + VECS - 1u), 1.0);
  }
  let group = i * EIGHTS / 4u;
  let halves = unpack2x16float(weightWordAt(start + unitsInRow() + group / 8u, (group / 2u) % 4u));
  return Unit(weightAt(start + i), vec4u(), select(halves.x, halves.y, group % 2u == 1u));
}

// The e-th eight numbers of a unit, to be multiplied with its scale.
fn eightOf(unit: Unit, e: u32) -> Eight {
  switch FORMAT {
    case 3u: {
      let words = select(unit.first.xy, unit.first.zw, e == 1u);
      return Eight(
        vec4f(vec4i(vec4u(words.x) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)),
        vec4f(vec4i(vec4u(words.y) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)));
    }
    case 4u: {
      let word = vec4u(unit.first[e]);
      return Eight(
        vec4f(vec4i(word << vec4u(28u, 24u, 20u, 16u)) >> vec4u(28u)),
        vec4f(vec4i(word << vec4u(12u, 8u, 4u, 0u)) >> vec4u(28u)));
    }
    default: { return unpack8(unit.first, unit.second); }
  }
}

// The i-th eight numbers of a row.
fn eightAt(row: u32, i: u32) -> Eight {
  let unit = unitAt(row * rowVecs(), i / EIGHTS);
  let eight = eightOf(unit, i % EIGHTS);
  if (FORMAT < 3u) { return eight; }
  return Eight(unit.scale * eight.a, unit.scale * eight.b);
}
