// y[row] (+)= W·x[row] + bias, for many rows        four columns of four rows an invocation, without barriers
// For software adapters: shared memory gains nothing there, and project-many takes SwiftShader seconds to compile.
override WG: u32 = 64;
override ADD: bool = false;     // onto what y holds, whose rows are the turn's
override BIASED: bool = false;

@group(0) @binding(0) var<storage, read>       x:     array<vec4f>;  // [rows of the step, cols]
@group(0) @binding(1) var<storage, read>       w:     array<vec4u>;  // [rows, cols]
@group(0) @binding(2) var<storage, read>       bias:  array<f32>;    // [rows]
@group(0) @binding(3) var<storage, read_write> y:     array<f32>;    // [rows of the step, yStride]
@group(0) @binding(4) var<uniform>             shape: Shape;
@group(0) @binding(5) var<uniform>             step:  Step;

// Where row `first + i` of x begins; the last row again if there are fewer than four.
fn rowStart(first: u32, i: u32) -> u32 {
  return min(first + i, step.rows - 1u) * (shape.cols / 4u);
}

// Eight numbers of a row of W; the last row again if there are fewer than four.
fn weights(column: u32, unit: u32) -> Eight {
  return eightAt(min(column, shape.rows - 1u), unit);
}

fn put(row: u32, firstColumn: u32, sums: vec4f) {
  if (row >= step.rows) { return; }
  for (var i = 0u; i < 4u; i++) {
    let column = firstColumn + i;
    if (column >= shape.rows) { return; }
    var result = sums[i];
    if (BIASED) { result += bias[column]; }
    if (ADD) {
      y[(step.firstRow + row) * shape.yStride + column] += result;
    } else {
      y[row * shape.yStride + column] = result;
    }
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x * 4u;
  let row = id.y * 4u;
  if (column >= shape.rows || row >= step.rows) { return; }

  let at0 = rowStart(row, 0u);
  let at1 = rowStart(row, 1u);
  let at2 = rowStart(row, 2u);
  let at3 = rowStart(row, 3u);
  var sums0 = vec4f(); // a row's four columns
  var sums1 = vec4f();
  var sums2 = vec4f();
  var sums3 = vec4f();
  for (var unit = 0u; unit < shape.cols / 8u; unit++) {
    let w0 = weights(column, unit);
    let w1 = weights(column + 1u, unit);
    let w2 = weights(column + 2u, unit);
    let w3 = weights(column + 3u, unit);
    let a = mat4x4f(w0.a, w1.a, w2.a, w3.a);
    let b = mat4x4f(w0.b, w1.b, w2.b, w3.b);
    let i = 2u * unit;
    sums0 += x[at0 + i] * a + x[at0 + i + 1u] * b;
    sums1 += x[at1 + i] * a + x[at1 + i + 1u] * b;
    sums2 += x[at2 + i] * a + x[at2 + i + 1u] * b;
    sums3 += x[at3 + i] * a + x[at3 + i + 1u] * b;
  }
  put(row, column, sums0);
  put(row + 1u, column, sums1);
  put(row + 2u, column, sums2);
  put(row + 3u, column, sums3);
}
