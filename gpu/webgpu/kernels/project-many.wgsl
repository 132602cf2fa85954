// y[row] (+)= W·x[row] + bias, for many rows        a tile of 4·SIDE rows and 4·SIDE columns a workgroup, 4 × 4 an invocation
override SIDE: u32 = 16;        // the workgroup is SIDE × SIDE
override ADD: bool = false;     // onto what y holds, whose rows are the turn's
override BIASED: bool = false;

const DEPTH = 8u;  // vec4 of a row that are in a tile at a time

@group(0) @binding(0) var<storage, read>       x:    array<vec4f>;  // [rows of the step, cols]
@group(0) @binding(1) var<storage, read>       w:    array<vec4u>;  // [rows, cols]
@group(0) @binding(2) var<storage, read>       bias: array<f32>;    // [rows]
@group(0) @binding(3) var<storage, read_write> y:    array<f32>;    // [rows of the step, yStride]
@group(0) @binding(4) var<uniform>             shape: Shape;
@group(0) @binding(5) var<uniform>             step: Step;

override TILE: u32 = 4u * SIDE * DEPTH;  // by a name: see FRACTIONS in matvec.wgsl

var<workgroup> xTile: array<vec4f, TILE>;
var<workgroup> wTile: array<vec4f, TILE>;

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) id: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let firstX = group.y * 4u * SIDE;
  let firstW = group.x * 4u * SIDE;
  var sums: array<vec4f, 4>;  // [x row] (w rows)

  for (var depth = 0u; depth < shape.cols / 4u; depth += DEPTH) {
    for (var i = local; i < TILE; i += SIDE * SIDE) {
      let row = firstX + i / DEPTH;
      let at = depth + i % DEPTH;
      xTile[i] = select(vec4f(), x[min(row, step.rows - 1u) * (shape.cols / 4u) + min(at, shape.cols / 4u - 1u)],
        row < step.rows && at < shape.cols / 4u);
    }
    for (var i = local; i < TILE / 2u; i += SIDE * SIDE) {
      let row = firstW + i / (DEPTH / 2u);
      let at = depth / 2u + i % (DEPTH / 2u);
      let eight = eightAt(min(row, shape.rows - 1u), min(at, shape.cols / 8u - 1u));
      let inside = row < shape.rows && at < shape.cols / 8u;
      wTile[2u * i] = select(vec4f(), eight.a, inside);
      wTile[2u * i + 1u] = select(vec4f(), eight.b, inside);
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let w0 = wTile[(4u * id.x) * DEPTH + d];
      let w1 = wTile[(4u * id.x + 1u) * DEPTH + d];
      let w2 = wTile[(4u * id.x + 2u) * DEPTH + d];
      let w3 = wTile[(4u * id.x + 3u) * DEPTH + d];
      for (var r = 0u; r < 4u; r++) {
        let value = xTile[(4u * id.y + r) * DEPTH + d];
        sums[r] += vec4f(dot(value, w0), dot(value, w1), dot(value, w2), dot(value, w3));
      }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < 4u; r++) {
    let row = firstX + 4u * id.y + r;
    if (row >= step.rows) { continue; }
    for (var c = 0u; c < 4u; c++) {
      let column = firstW + 4u * id.x + c;
      if (column >= shape.rows) { continue; }
      var result = sums[r][c];
      if (BIASED) { result += bias[column]; }
      if (ADD) {
        let at = (step.firstRow + row) * shape.yStride + column;
        y[at] += result;
      } else {
        y[row * shape.yStride + column] = result;
      }
    }
  }
}
