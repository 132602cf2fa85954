// y[row] = silu(gate[row]·in(x)) · (up[row]·in(x))        2 · WG / LANES rows of y a workgroup
override BIASED: bool = false;

@group(0) @binding(4) var<storage, read>       bias: array<f32>;  // [(gate, up), rows / 2]
@group(0) @binding(5) var<storage, read_write> y:    array<f32>;  // [rows / 2]; W is gate above up

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let factor = prepareInput(local);
  let half = shape.rows / 2u;
  let first = 2u * (group.x * (WG / LANES) + local / LANES);
  let pair = min(vec2u(first, first + 1u), vec2u(half - 1u));
  let sums = sumLanes(laneDots(vec4u(pair, pair + half), local % LANES), local) * factor;
  // Lane i finishes row i, or the only lane both.
  for (var i = local % LANES; i < 2u; i += LANES) {
    let row = first + i;
    if (row >= half) { break; }
    var gate = sums[i];
    var up = sums[2u + i];
    if (BIASED) {
      gate += bias[row];
      up += bias[half + row];
    }
    y[row] = gate / (1.0 + exp(-gate)) * up;
  }
}
