// y[row] (+)= W·x[row] + bias, for many rows        a tile of ROWS · SIDE rows and 64 columns a workgroup, ROWS × 4 an invocation
override WG: u32 = 128;
override ROWS: u32 = 8;         // of an invocation: at most 8
override ADD: bool = false;     // onto what y holds, whose rows are the turn's
override BIASED: bool = false;

const COLUMNS = 64u;
const APART = 16u;              // between the columns of an invocation: neighbors write neighboring numbers
const DEPTH = 8u;               // vec4 of a row that are in a tile at a time

@group(0) @binding(0) var<storage, read>       x:    array<vec4f>;  // [rows of the step, cols]
@group(0) @binding(1) var<storage, read>       w:    array<vec4u>;  // [rows, cols]
@group(0) @binding(2) var<storage, read>       bias: array<f32>;    // [rows]
@group(0) @binding(3) var<storage, read_write> y:    array<f32>;    // [rows of the step, yStride]
@group(0) @binding(4) var<uniform>             shape: Shape;
@group(0) @binding(5) var<uniform>             step: Step;

override SIDE: u32 = WG / APART;
override X_TILE: u32 = ROWS * SIDE * DEPTH;  // by a name: see FRACTIONS in matvec.wgsl
const W_TILE = COLUMNS * DEPTH;

var<workgroup> xTile: array<vec4f, X_TILE>;  // [rows][DEPTH]
var<workgroup> wTile: array<vec4f, W_TILE>;  // [DEPTH][COLUMNS], each column at wAt

// Exclusive-or with the depth: neither the eight invocations that read neighboring columns at one depth, nor those that
// write one column at several, share a bank.
fn wAt(depth: u32, column: u32) -> u32 { return depth * COLUMNS + (column ^ depth); }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let firstX = group.y * ROWS * SIDE;
  let firstW = group.x * COLUMNS;
  let myColumn = local % APART;
  let myRow = local / APART * ROWS;
  var sums: array<vec4f, 8>;  // [row] (its four columns)

  for (var depth = 0u; depth < shape.cols / 4u; depth += DEPTH) {
    for (var i = local; i < X_TILE; i += WG) {
      let row = firstX + i / DEPTH;
      let at = depth + i % DEPTH;
      xTile[i] = select(vec4f(), x[min(row, step.rows - 1u) * (shape.cols / 4u) + min(at, shape.cols / 4u - 1u)],
        row < step.rows && at < shape.cols / 4u);
    }
    for (var i = local; i < W_TILE / 2u; i += WG) {
      let column = i / (DEPTH / 2u);
      let row = firstW + column;
      let at = depth / 2u + i % (DEPTH / 2u);
      let eight = eightAt(min(row, shape.rows - 1u), min(at, shape.cols / 8u - 1u));
      let inside = row < shape.rows && at < shape.cols / 8u;
      let d = 2u * (i % (DEPTH / 2u));
      wTile[wAt(d, column)] = select(vec4f(), eight.a, inside);
      wTile[wAt(d + 1u, column)] = select(vec4f(), eight.b, inside);
    }
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      let at = wAt(d, myColumn);
      let w0 = wTile[at];
      let w1 = wTile[at + APART];
      let w2 = wTile[at + 2u * APART];
      let w3 = wTile[at + 3u * APART];
      for (var r = 0u; r < ROWS; r++) {
        let value = xTile[(myRow + r) * DEPTH + d];
        sums[r] += vec4f(dot(value, w0), dot(value, w1), dot(value, w2), dot(value, w3));
      }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < ROWS; r++) {
    let row = firstX + myRow + r;
    if (row >= step.rows) { break; }
    for (var c = 0u; c < 4u; c++) {
      let column = firstW + myColumn + c * APART;
      if (column >= shape.rows) { break; }
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
