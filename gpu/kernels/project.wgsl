// y[row] (+)= W[row]·in(x) + bias[row]        WG / LANES rows a workgroup
override ADD: bool = false;     // onto what y holds: a residual
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [rows]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [rows]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let factor = prepareInput(local);
  let row = group.x * (WG / LANES) + local / LANES;
  let sum = sumLanes(laneDot(min(row, shape.rows - 1u), local % LANES), local) * factor;
  if (local % LANES == 0u && row < shape.rows) {
    var result = sum;
    if (BIASED) { result += bias[row]; }
    if (ADD) { result += y[row]; }
    y[row] = result;
  }
}
