// y[row] = silu(gate[row]·in(x)) · (up[row]·in(x))        WG / LANES rows a workgroup
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [(gate, up), rows / 2]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [rows / 2]; W is gate above up

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let factor = prepareInput(local);
  let row = group.x * (WG / LANES) + local / LANES;
  let half = shape.rows / 2u;
  let safe = min(row, half - 1u);
  var gate = sumLanes(laneDot(safe, local % LANES), local) * factor;
  var up = sumLanes(laneDot(half + safe, local % LANES), local) * factor;
  if (local % LANES == 0u && row < half) {
    if (BIASED) {
      gate += bias[row];
      up += bias[half + row];
    }
    y[row] = gate / (1.0 + exp(-gate)) * up;
  }
}
