// out = rotate(norm(x)), projected heads of many rows to queries, or to cache rows        one block of one row a workgroup
override WG: u32 = 64;
override HEADS: u32;  // heads in a row of x

@group(0) @binding(0) var<storage, read>       x:        array<f32>;    // [rows, HEADS, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       headGain: array<f32>;    // [HEAD_DIM]
@group(0) @binding(2) var<storage, read>       rope:     array<vec2f>;  // [angles, HEAD_DIM / 2], (cos, sin)
@group(0) @binding(3) var<storage, read_write> out:      array<u32>;    // [rows, OUT_HEADS, HEAD_DIM] in OUT_FORMAT
@group(0) @binding(4) var<storage, read>       rows:     array<Row>;
@group(0) @binding(5) var<uniform>             step:     Step;

fn headGainAt(head: u32, i: u32) -> f32 { return headGain[i]; }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let head = group.x / (HEAD_DIM / BLOCK);
  for (var i = local; i < BLOCK; i += WG) {
    projected[i] = x[(group.y * HEADS + head) * HEAD_DIM + elementOf(group.x, i)];
  }
  finishBlock(group.x, group.y, local, WG);
}
