// What the kernels that multiply a matrix with rows of x share: W[row]·in(x), LANES invocations for four rows of W and
// COLUMNS rows of x, the columns. A line that names `…_c0` stands for all columns: see columns.ts. The sum of a column is
// taken in the same order however many there are.
override WG: u32 = 64;
override LANES: u32 = 1;       // invocations that share four matrix rows; a power of two that divides WG
override INPUT: u32 = 0u;      // in(x) is 0: x; 1: x / rms(x) · gain; 2: the SPLITS parts of an attention, merged
override EPS: f32 = 1e-5;
override SPLITS: u32 = 1u;
override HEADS: u32 = 1u;
override FRACTIONS: u32 = COLUMNS * SPLITS * HEADS;  // by a name: Firefox 153 dies of a product as an array's length

@group(0) @binding(0) var<storage, read> x:    array<vec4f>;  // [columns, cols], or INPUT 2: see startOf
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;  // [cols]
@group(0) @binding(2) var<storage, read> w:    array<vec4u>;  // [rows, cols]
@group(0) @binding(3) var<uniform>       shape: Shape;

var<workgroup> partial: array<f32, WG>;
var<workgroup> partials: array<vec4f, WG>;
var<workgroup> fraction: array<f32, FRACTIONS>;  // of each split in each head's output, by column

// The sums of four rows, for each column.
struct Dots {
  of_c0: vec4f,
}

// Where a column of a block of COLUMNS begins in x. INPUT 2: [SPLITS, cols], and behind it (max, sum) [SPLITS, HEADS].
fn startOf(block: u32, column: u32) -> u32 {
  let vecs = shape.cols / 4u;
  return (block * COLUMNS + column) * select(vecs, SPLITS * (vecs + HEADS), INPUT == 2u);
}

// Must come before laneDots, by all invocations, for every column. Returns the factor of INPUT 1.
fn prepareInput(block: u32, column: u32, local: u32) -> f32 {
  let start = startOf(block, column);
  if (INPUT == 1u) {
    var squares = 0.0;
    for (var i = local; i < shape.cols / 4u; i += WG) { squares += dot(x[start + i], x[start + i]); }
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
        fraction[at] = select(0.0, fraction[at] / total, total > 0.0);
      }
    }
    workgroupBarrier();
  }
  return 1.0;
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
        sum += fraction[(column * SPLITS + split) * HEADS + head] * x[start + split * shape.cols / 4u + i];
      }
      return sum;
    }
    default: { return x[start + i]; }
  }
}

// This lane's part of W[row]·in(x), for four rows at once: the input is read once for all of them, and the weights once
// for all columns.
fn laneDots(rows: vec4u, lane: u32, block: u32) -> Dots {
  let starts = rows * rowVecs();
  let start_c0 = startOf(block, column_c0);
  var sums0_c0 = vec4f();
  var sums1_c0 = vec4f();
  var sums2_c0 = vec4f();
  var sums3_c0 = vec4f();
  for (var i = lane; i < unitsInRow(); i += LANES) {
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
  if (LANES == 1u) { return values; }
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
