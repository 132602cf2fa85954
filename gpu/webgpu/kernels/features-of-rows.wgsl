// ψ of the keys that the cut after a prompt lets go        one row of one KV head a workgroup
const NO_SLOT = 0xffffffffu;

@group(0) @binding(2) var<storage, read>       slots: array<u32>;  // [rows, KV_HEADS]; NO_SLOT if the head has fewer
@group(0) @binding(3) var<storage, read_write> found: array<f32>;  // [rows, KV_HEADS, RANK]

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let at = group.y * KV_HEADS + group.x;
  takeKey(select(slots[at], 0u, slots[at] == NO_SLOT), group.x, local);
  findFeatures(group.x, local);
  for (var r = local; r < RANK; r += WG) { found[at * RANK + r] = select(features[r], 0.0, slots[at] == NO_SLOT); }
}
