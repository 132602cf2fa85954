// y[row] = silu(gate[row]) · up[row]        one number an invocation
override WG: u32 = 64;

@group(0) @binding(0) var<storage, read>       x: array<f32>;  // [rows, (gate, up), dim]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [rows, yStride]
@group(0) @binding(2) var<uniform>             shape: Shape;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= shape.dim) { return; }
  let gate = x[id.y * 2u * shape.dim + id.x];
  let up = x[id.y * 2u * shape.dim + shape.dim + id.x];
  y[id.y * shape.yStride + id.x] = gate / (1.0 + exp(-gate)) * up;
}
