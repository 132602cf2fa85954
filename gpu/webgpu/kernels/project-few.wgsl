// y[row] (+)= W·x[row] + bias, for few rows        LANES invocations for four columns of ROWS rows
// Every weight is read and unpacked once for all of them, and nothing is shared but the sums.
override WG: u32 = 64;
override LANES: u32 = 16;       // divides WG
override ROWS: u32 = 1;         // at most 8
override ADD: bool = false;     // onto what y holds, whose rows are the turn's
override BIASED: bool = false;

@group(0) @binding(0) var<storage, read>       x:     array<vec4f>;  // [rows of the step, cols]
@group(0) @binding(1) var<storage, read>       w:     array<vec4u>;  // [rows, cols]
@group(0) @binding(2) var<storage, read>       bias:  array<f32>;    // [rows]
@group(0) @binding(3) var<storage, read_write> y:     array<f32>;    // [rows of the step, yStride]
@group(0) @binding(4) var<uniform>             shape: Shape;
@group(0) @binding(5) var<uniform>             step:  Step;

override PARTIALS: u32 = ROWS * WG;  // by a name: see FRACTIONS in matvec.wgsl

var<workgroup> partials: array<vec4f, PARTIALS>;  // [ROWS][WG] (four columns)

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = local % LANES;
  let firstRow = group.y * ROWS;
  let firstColumn = 4u * (group.x * (WG / LANES) + local / LANES);
  let starts = rowVecs() * min(firstColumn + vec4u(0u, 1u, 2u, 3u), vec4u(shape.rows - 1u));
  var sums: array<vec4f, 8>;  // [row] (four columns)

  for (var i = lane; i < unitsInRow(); i += LANES) {
    let unit0 = unitAt(starts.x, i);
    let unit1 = unitAt(starts.y, i);
    let unit2 = unitAt(starts.z, i);
    let unit3 = unitAt(starts.w, i);
    let scales = vec4f(unit0.scale, unit1.scale, unit2.scale, unit3.scale);
    for (var e = 0u; e < EIGHTS; e++) {
      let at = min(i * EIGHTS + e, shape.cols / 8u - 1u); // weights past the end are 0
      let eight0 = eightOf(unit0, e);
      let eight1 = eightOf(unit1, e);
      let eight2 = eightOf(unit2, e);
      let eight3 = eightOf(unit3, e);
      for (var r = 0u; r < ROWS; r++) {
        let start = min(firstRow + r, step.rows - 1u) * (shape.cols / 4u) + 2u * at;
        let a = x[start];
        let b = x[start + 1u];
        sums[r] += scales * vec4f(
          dot(eight0.a, a) + dot(eight0.b, b),
          dot(eight1.a, a) + dot(eight1.b, b),
          dot(eight2.a, a) + dot(eight2.b, b),
          dot(eight3.a, a) + dot(eight3.b, b));
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { partials[r * WG + local] = sums[r]; }
  workgroupBarrier();

  // A lane adds up whole results.
  for (var i = lane; i < 4u * ROWS; i += LANES) {
    let row = firstRow + i / 4u;
    let column = firstColumn + i % 4u;
    if (row >= step.rows || column >= shape.rows) { continue; }
    var result = 0.0;
    for (var l = 0u; l < LANES; l++) { result += partials[(i / 4u) * WG + local - lane + l][i % 4u]; }
    if (BIASED) { result += bias[column]; }
    if (ADD) {
      let at = (step.firstRow + row) * shape.yStride + column;
      y[at] += result;
    } else {
      y[row * shape.yStride + column] = result;
    }
  }
}
