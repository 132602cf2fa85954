// What the kernels that multiply a matrix with rows of x share: W[row]·in(x), LANES invocations for four rows of W and
// COLUMNS rows of x, the columns. A line that names `…_c0` stands for all columns: see columns.ts. The sum of a column is
// taken in the same order however many there are. Several lanes are for a GPU: there, in(x) goes into workgroup memory, from
// which all rows of a workgroup read it, and quantized weights are unpacked without shifts and conversions.
override WG: u32 = 64;
override LANES: u32 = 1;       // invocations that share four matrix rows; a power of two that divides WG
override TURNS: u32 = 1u;      // 1, 2 or 4, in which they do the work of as many times LANES, because more columns leave less room
override INPUT: u32 = 0u;      // in(x) is 0: x; 1: x / rms(x) · gain; 2: the SPLITS parts of an attention, merged
override EPS: f32 = 1e-5;
override SPLITS: u32 = 1u;
override HEADS: u32 = 1u;
override STAGED: u32 = 0u;      // vec4 of each column in workgroup memory at a time, a multiple of LANES · QUADS, or just that if there are turns; 0: none
override QUADS: u32 = 2u * EIGHTS;                    // vec4 of x for a unit
override TURNED: u32 = STAGED / QUADS + 8u / QUADS;   // so that neighbors write to different banks
override STAGE: u32 = COLUMNS * QUADS * TURNED;
override FRACTIONS: u32 = COLUMNS * SPLITS * HEADS;  // by a name: Firefox 153 dies of a product as an array's length

@group(0) @binding(0) var<storage, read> x:    array<vec4f>;  // [columns, cols], or INPUT 2: see startOf
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;  // [cols]
@group(0) @binding(2) var<storage, read> w:    array<vec4u>;  // [rows, cols]
@group(0) @binding(3) var<uniform>       shape: Shape;

var<workgroup> partial: array<f32, WG>;
var<workgroup> partials: array<vec4f, WG>;
var<workgroup> fraction: array<f32, FRACTIONS>;  // of each split in each head's output, by column
var<workgroup> staged: array<vec4f, STAGE>;      // [COLUMNS, QUADS, TURNED]: neighbors read neighboring units

// The sums of four rows, for each column.
struct Dots {
  of_c0: vec4f,
}

// Where a column of a block of COLUMNS begins in x. INPUT 2: [SPLITS, cols], and behind it (max, sum) [SPLITS, HEADS].
fn startOf(block: u32, column: u32) -> u32 {
  let vecs = shape.cols / 4u;
  return (block * COLUMNS + column) * select(vecs, SPLITS * (vecs + HEADS), INPUT == 2u);
}

// W[row]·in(x) for four rows and each column. By all invocations: the lanes of four rows get their sums.
fn multiply(rows: vec4u, block: u32, local: u32) -> Dots {
  let start_c0 = startOf(block, column_c0);
  weighSplits(start_c0, column_c0, local);
  var dots: Dots;
  if (LANES == 1u) {
    let factor_c0 = factorOf(squaresOf(start_c0, local), local);
    dots = laneDots(rows, block);
    dots.of_c0 *= factor_c0;
    return dots;
  }

  let lane = local % LANES;
  let starts = rows * rowVecs();
  let units = unitsInRow();
  let atOnce = select(units, STAGED / QUADS, STAGED > 0u);
  var squares_c0 = 0.0;
  var totals_c0 = vec4f();
  var others_c0 = vec4f();
  if (STAGED == 0u || TURNS > 1u) {
    squares_c0 = squaresOf(start_c0, local);
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    var sums_c0 = vec4f();
    for (var chunk = unitOfTurn(turn); chunk < units; chunk += atOnce * TURNS) {
      if (STAGED > 0u) {
        workgroupBarrier();
        squares_c0 = stage(start_c0, column_c0, chunk * QUADS, squares_c0, local);
        workgroupBarrier();
      }
      for (var u = lane; u < min(atOnce, units - chunk); u += LANES) {
        let unit0 = unitAt(starts.x, chunk + u);
        let unit1 = unitAt(starts.y, chunk + u);
        let unit2 = unitAt(starts.z, chunk + u);
        let unit3 = unitAt(starts.w, chunk + u);
        let scales = vec4f(unit0.scale, unit1.scale, unit2.scale, unit3.scale);
        var part_c0 = vec4f();
        for (var e = 0u; e < QUADS; e++) {
          let quad0 = quadOf(unit0, e);
          let quad1 = quadOf(unit1, e);
          let quad2 = quadOf(unit2, e);
          let quad3 = quadOf(unit3, e);
          let x_c0 = quadAt(start_c0, column_c0, chunk, u, e);
          part_c0 += vec4f(dot(quad0, x_c0), dot(quad1, x_c0), dot(quad2, x_c0), dot(quad3, x_c0));
        }
        sums_c0 += scales * part_c0;
      }
    }
    if (turn == 0u) { totals_c0 = sums_c0; }
    if (turn == 1u) { totals_c0 += sums_c0; }
    if (turn == 2u) { others_c0 = sums_c0; }
    if (turn == 3u) { others_c0 += sums_c0; }
  }
  if (TURNS == 4u) {
    totals_c0 += others_c0;
  }
  dots.of_c0 = sumLanes(totals_c0, local) * factorOf(squares_c0, local);
  return dots;
}

// The first unit of a turn. In the order in which sumLanes would add up LANES · TURNS lanes.
fn unitOfTurn(turn: u32) -> u32 {
  return LANES * select(turn, turn / 2u + 2u * (turn % 2u), TURNS == 4u);
}

// This invocation's part of the squares of INPUT 1.
fn squaresOf(start: u32, local: u32) -> f32 {
  var squares = 0.0;
  if (INPUT == 1u) {
    for (var i = local; i < shape.cols / 4u; i += WG) { squares += dot(x[start + i], x[start + i]); }
  }
  return squares;
}

// The factor of INPUT 1. By all invocations.
fn factorOf(squares: f32, local: u32) -> f32 {
  if (INPUT != 1u) { return 1.0; }
  partial[local] = squares;
  workgroupBarrier();
  for (var count = WG; count > 1u; count = (count + 1u) / 2u) { // WG need not be a power of two
    let kept = (count + 1u) / 2u;
    if (local + kept < count) { partial[local] += partial[local + kept]; }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return inverseSqrt(total / f32(shape.dim) + EPS);
}

// A column's STAGED vec4 from `first` on into workgroup memory. Adds their squares in the order of squaresOf, unless there are turns.
fn stage(start: u32, column: u32, first: u32, before: f32, local: u32) -> f32 {
  var squares = before;
  let end = min(first + STAGED, unitsInRow() * QUADS);
  for (var i = first + (WG + local - first % WG) % WG; i < end; i += WG) {
    var value = vec4f();
    if (i < shape.cols / 4u) {
      value = inputAt(start, column, i);
      if (INPUT == 1u && TURNS == 1u) { squares += dot(x[start + i], x[start + i]); }
    }
    let at = i - first;
    staged[(column * QUADS + at % QUADS) * TURNED + at / QUADS] = value * quadFactors();
  }
  return squares;
}

// Numbers of in(x), INPUT 1 without its factor, for a quad of a unit, times the factors of its numbers.
fn quadAt(start: u32, column: u32, chunk: u32, u: u32, e: u32) -> vec4f {
  if (STAGED > 0u) { return staged[(column * QUADS + e) * TURNED + u]; }
  let i = (chunk + u) * QUADS + e;
  if (i >= shape.cols / 4u) { return vec4f(); }
  return inputAt(start, column, i) * quadFactors();
}

// What quadOf gives too much.
fn quadFactors() -> vec4f {
  switch FORMAT {
    case 3u: { return vec4f(1.0, 0.00390625, 1.0, 0.00390625); }
    case 4u: { return vec4f(1.0, 0.0625, 0.00390625, 0.000244140625); }
    default: { return vec4f(1.0); }
  }
}

// Four weights of a unit, to be multiplied with its scale. A quantized one stays at its place in its word, as the lowest
// digits of a float above 2^23, so that it comes out as a power of two times the weight: exactly.
fn quadOf(unit: Unit, e: u32) -> vec4f {
  switch FORMAT {
    case 3u: {
      let word = unit.first[e] ^ 0x80808080u;
      let bytes = vec4u(word, word, word >> 16u, word >> 16u) & vec4u(0xffu, 0xff00u, 0xffu, 0xff00u);
      return bitcast<vec4f>(bytes | vec4u(0x4b000000u)) - vec4f(8388736.0, 8421376.0, 8388736.0, 8421376.0);
    }
    case 4u: {
      let word = (unit.first[e / 2u] ^ 0x88888888u) >> (16u * (e % 2u));
      let nibbles = vec4u(word) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u);
      return bitcast<vec4f>(nibbles | vec4u(0x4b000000u)) - vec4f(8388616.0, 8388736.0, 8390656.0, 8421376.0);
    }
    default: {
      let eight = unpack8(unit.first, unit.second);
      return select(eight.b, eight.a, e % 2u == 0u);
    }
  }
}

// The fractions of INPUT 2. By all invocations.
fn weighSplits(start: u32, column: u32, local: u32) {
  if (INPUT == 2u) {
    let first = column * SPLITS * HEADS;
    for (var head = local; head < HEADS; head += WG) {
      var most = -1e30;
      for (var split = 0u; split < SPLITS; split++) { most = max(most, statOf(start, split, head).x); }
      var total = 0.0;
      for (var split = 0u; split < SPLITS; split++) {
        let stat = statOf(start, split, head);
        let weight = stat.y * exp(stat.x - most);
        fraction[first + split * HEADS + head] = weight;
        total += weight;
      }
      for (var split = 0u; split < SPLITS; split++) {
        let at = first + split * HEADS + head;
        // Not `total > 0.0`: a total that is no number must not become a zero.
        fraction[at] = select(fraction[at] / total, 0.0, total == 0.0);
      }
    }
    workgroupBarrier();
  }
}

fn statOf(start: u32, split: u32, head: u32) -> vec4f {
  return x[start + SPLITS * shape.cols / 4u + split * HEADS + head];
}

// Numbers 4·i … of a column's in(x), INPUT 1 without its factor.
fn inputAt(start: u32, column: u32, i: u32) -> vec4f {
  switch INPUT {
    case 1u: { return x[start + i] * gain[i]; }
    case 2u: {
      let head = i / (shape.cols / 4u / HEADS);
      var sum = vec4f();
      for (var split = 0u; split < SPLITS; split++) {
        // A text that is shorter than the room for it leaves parts without keys.
        let weight = fraction[(column * SPLITS + split) * HEADS + head];
        if (weight != 0.0) { sum += weight * x[start + split * shape.cols / 4u + i]; }
      }
      return sum;
    }
    default: { return x[start + i]; }
  }
}

// W[row]·in(x) by one invocation, for four rows at once: the input is read once for all of them, and the weights once for
// all columns.
fn laneDots(rows: vec4u, block: u32) -> Dots {
  let starts = rows * rowVecs();
  let start_c0 = startOf(block, column_c0);
  var sums0_c0 = vec4f();
  var sums1_c0 = vec4f();
  var sums2_c0 = vec4f();
  var sums3_c0 = vec4f();
  for (var i = 0u; i < unitsInRow(); i++) {
    let unit0 = unitAt(starts.x, i);
    let unit1 = unitAt(starts.y, i);
    let unit2 = unitAt(starts.z, i);
    let unit3 = unitAt(starts.w, i);
    for (var e = 0u; e < EIGHTS; e++) {
      let at = min(i * EIGHTS + e, shape.cols / 8u - 1u); // weights past the end are 0
      let a_c0 = inputAt(start_c0, column_c0, 2u * at);
      let b_c0 = inputAt(start_c0, column_c0, 2u * at + 1u);
      let eight0 = eightOf(unit0, e);
      let eight1 = eightOf(unit1, e);
      let eight2 = eightOf(unit2, e);
      let eight3 = eightOf(unit3, e);
      sums0_c0 += unit0.scale * (eight0.a * a_c0 + eight0.b * b_c0);
      sums1_c0 += unit1.scale * (eight1.a * a_c0 + eight1.b * b_c0);
      sums2_c0 += unit2.scale * (eight2.a * a_c0 + eight2.b * b_c0);
      sums3_c0 += unit3.scale * (eight3.a * a_c0 + eight3.b * b_c0);
    }
  }
  var dots: Dots;
  dots.of_c0 = vec4f(dot(sums0_c0, vec4f(1.0)), dot(sums1_c0, vec4f(1.0)), dot(sums2_c0, vec4f(1.0)), dot(sums3_c0, vec4f(1.0)));
  return dots;
}

// The sums over the lanes of four rows. By all invocations.
fn sumLanes(values: vec4f, local: u32) -> vec4f {
  partials[local] = values;
  workgroupBarrier();
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    if (local % LANES < stride) { partials[local] += partials[local + stride]; }
    workgroupBarrier();
  }
  let total = partials[local - local % LANES];
  workgroupBarrier();
  return total;
}
