// y[row] (+)= W·x[row] + bias, for many rows        one column of eight rows an invocation, without barriers
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

// Where row first + i of x begins; the last row again where there are no eight.
fn rowStart(first: u32, i: u32) -> u32 {
  return min(first + i, step.rows - 1u) * (shape.cols / 4u);
}

fn put(row: u32, column: u32, sum: vec4f) {
  if (row >= step.rows) { return; }
  var result = (sum.x + sum.y) + (sum.z + sum.w);
  if (BIASED) { result += bias[column]; }
  if (ADD) {
    y[(step.firstRow + row) * shape.yStride + column] += result;
  } else {
    y[row * shape.yStride + column] = result;
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  let first = id.y * 8u;
  if (column >= shape.rows || first >= step.rows) { return; }

  let at0 = rowStart(first, 0u);
  let at1 = rowStart(first, 1u);
  let at2 = rowStart(first, 2u);
  let at3 = rowStart(first, 3u);
  let at4 = rowStart(first, 4u);
  let at5 = rowStart(first, 5u);
  let at6 = rowStart(first, 6u);
  let at7 = rowStart(first, 7u);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  var sum4 = vec4f();
  var sum5 = vec4f();
  var sum6 = vec4f();
  var sum7 = vec4f();

  let units = shape.cols / 8u;
  for (var unit = 0u; unit < units; unit++) {
    let start = (column * units + unit) * VECS;
    let eight = unpack8(w[start], w[start + VECS - 1u]);
    let i = 2u * unit;
    sum0 += x[at0 + i] * eight.a + x[at0 + i + 1u] * eight.b;
    sum1 += x[at1 + i] * eight.a + x[at1 + i + 1u] * eight.b;
    sum2 += x[at2 + i] * eight.a + x[at2 + i + 1u] * eight.b;
    sum3 += x[at3 + i] * eight.a + x[at3 + i + 1u] * eight.b;
    sum4 += x[at4 + i] * eight.a + x[at4 + i + 1u] * eight.b;
    sum5 += x[at5 + i] * eight.a + x[at5 + i + 1u] * eight.b;
    sum6 += x[at6 + i] * eight.a + x[at6 + i + 1u] * eight.b;
    sum7 += x[at7 + i] * eight.a + x[at7 + i + 1u] * eight.b;
  }

  put(first, column, sum0);
  put(first + 1u, column, sum1);
  put(first + 2u, column, sum2);
  put(first + 3u, column, sum3);
  put(first + 4u, column, sum4);
  put(first + 5u, column, sum5);
  put(first + 6u, column, sum6);
  put(first + 7u, column, sum7);
}
