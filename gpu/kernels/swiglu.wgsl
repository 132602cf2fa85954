// y[row] = silu(gate[row]) · up[row]        one number an invocation
override WG: u32 = 64;
override DIM: u32;       // numbers in gate and in up
override Y_STRIDE: u32;  // numbers in a row of y

@group(0) @binding(0) var<storage, read>       x: array<f32>;  // [rows, gate DIM, up DIM]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [rows, Y_STRIDE]

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= DIM) { return; }
  let gate = x[id.y * 2u * DIM + id.x];
  let up = x[id.y * 2u * DIM + DIM + id.x];
  y[id.y * Y_STRIDE + id.x] = gate / (1.0 + exp(-gate)) * up;
}
