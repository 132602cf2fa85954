// y[row] = silu(gate[row]·in(x)) · (up[row]·in(x))        WG / LANES rows a workgroup
override ROWS: u32;
override BIASED: bool = false;

@group(0) @binding(3) var<storage, read>       bias: array<f32>;  // [gate ROWS, up ROWS]
@group(0) @binding(4) var<storage, read_write> y:    array<f32>;  // [ROWS]; W is [gate ROWS, up ROWS]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let factor = prepareInput(local);
  let row = group.x * (WG / LANES) + local / LANES;
  let safe = min(row, ROWS - 1u);
  var gate = sumLanes(laneDot(safe, local % LANES), local) * factor;
  var up = sumLanes(laneDot(ROWS + safe, local % LANES), local) * factor;
  if (local % LANES == 0u && row < ROWS) {
    if (BIASED) {
      gate += bias[row];
      up += bias[ROWS + row];
    }
    y[row] = gate / (1.0 + exp(-gate)) * up;
  }
}
