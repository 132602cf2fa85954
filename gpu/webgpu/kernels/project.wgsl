// y[column, row] (+)= W[row]·in(x[column]) + bias[row]        COLUMNS columns and 4 · WG / LANES rows a workgroup
override ADD: bool = false;     // onto what y holds: a residual
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [rows]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [columns, yStride]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let first = 4u * (group.y * (WG / LANES) + local / LANES);
  let rows = min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(shape.rows - 1u));
  let sums = multiply(rows, group.x, local);
  // Lane i finishes row i, or the only lane all four.
  for (var i = local % LANES; i < 4u; i += LANES) {
    let row = first + i;
    if (row >= shape.rows) { break; }
    put(group.x * COLUMNS + column_c0, row, sums.of_c0[i]);
  }
}

fn put(column: u32, row: u32, sum: f32) {
  let at = column * shape.yStride + row;
  var result = sum;
  if (BIASED) { result += bias[row]; }
  if (ADD) { result += y[at]; }
  y[at] = result;
}
