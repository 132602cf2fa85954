// kept[i] = logits[i], before the sampler penalizes them in place        one number an invocation
override WG: u32 = 64;

@group(0) @binding(0) var<storage, read>       logits: array<f32>;  // [rows]
@group(0) @binding(1) var<storage, read_write> kept:   array<f32>;  // [rows]
@group(0) @binding(2) var<uniform>             shape:  Shape;       // rows: the vocabulary

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < shape.rows) { kept[id.x] = logits[id.x]; }
}
