// y[row] (+)= W[row]·in(x) + bias[row]        4 · WG / LANES rows a workgroup
override ADD: bool = false;     // onto what y holds: a residual
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [rows]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [rows]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let factor = prepareInput(local);
  let first = 4u * (group.x * (WG / LANES) + local / LANES);
  let rows = min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(shape.rows - 1u));
  let sums = sumLanes(laneDots(rows, local % LANES), local) * factor;
  // Lane i finishes row i, or the only lane all four.
  for (var i = local % LANES; i < 4u; i += LANES) {
    let row = first + i;
    if (row >= shape.rows) { break; }
    var result = sums[i];
    if (BIASED) { result += bias[row]; }
    if (ADD) { result += y[row]; }
    y[row] = result;
  }
}
