// y[column, row] = silu(gate[row]·in(x)) · (up[row]·in(x))        COLUMNS columns and 2 · WG / LANES rows of y a workgroup
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [(gate, up), rows / 2]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [columns, yStride]; W is gate above up

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let half = shape.rows / 2u;
  let first = 2u * (group.y * (WG / LANES) + local / LANES);
  let pair = min(vec2u(first, first + 1u), vec2u(half - 1u));
  let sums = multiply(vec4u(pair, pair + half), group.x, local);
  // Lane i finishes row i, or the only lane both.
  for (var i = local % LANES; i < 2u; i += LANES) {
    let row = first + i;
    if (row >= half) { break; }
    put(group.x * COLUMNS + column_c0, row, sums.of_c0[i], sums.of_c0[2u + i]);
  }
}

fn put(column: u32, row: u32, gateSum: f32, upSum: f32) {
  var gate = gateSum;
  var up = upSum;
  if (BIASED) {
    gate += bias[row];
    up += bias[shape.rows / 2u + row];
  }
  y[column * shape.yStride + row] = gate / (1.0 + exp(-gate)) * up;
}
