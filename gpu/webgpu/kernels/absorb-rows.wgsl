// The state of LESS with all rows that the cut after a prompt lets go        one feature of one KV head a workgroup
override WG: u32 = 32;
override KV_HEADS: u32;
override HEAD_DIM: u32;
override RANK: u32;

// Bound as a shape.
struct Rows {
  count: u32,   // rows that go
  before: u32,  // the version of the state before the prompt
  after: u32,   // and after it
}

const NO_SLOT = 0xffffffffu;

@group(0) @binding(0) var<storage, read>       found: array<f32>;    // [count, KV_HEADS, RANK]
@group(0) @binding(1) var<storage, read>       kv:    array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read>       slots: array<u32>;    // [count, KV_HEADS]; NO_SLOT if the head has fewer
@group(0) @binding(3) var<storage, read_write> state: array<f32>;    // [versions, KV_HEADS, (RANK, (RANK, HEAD_DIM))]
@group(0) @binding(4) var<uniform>             shape: Rows;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kvHead = group.x;
  let r = group.y;
  let size = RANK * (HEAD_DIM + 1u);
  let source = (shape.before * KV_HEADS + kvHead) * size;
  let sink = (shape.after * KV_HEADS + kvHead) * size;
  for (var unit = local; unit < HEAD_DIM / 8u; unit += WG) {
    var a = vec4f();
    var b = vec4f();
    for (var i = 0u; i < shape.count; i++) {
      let at = i * KV_HEADS + kvHead;
      if (slots[at] == NO_SLOT) { continue; }
      let part = (((slots[at] * 2u + 1u) * KV_HEADS + kvHead) * (HEAD_DIM / 8u) + unit) * VECS;
      let eight = unpack8(kv[part], kv[part + VECS - 1u]);
      a += found[at * RANK + r] * eight.a;
      b += found[at * RANK + r] * eight.b;
    }
    let first = RANK + r * HEAD_DIM + 8u * unit;
    for (var i = 0u; i < 4u; i++) {
      state[sink + first + i] = state[source + first + i] + a[i];
      state[sink + first + 4u + i] = state[source + first + 4u + i] + b[i];
    }
  }
  if (local == 0u) {
    var sum = 0.0;
    for (var i = 0u; i < shape.count; i++) { sum += found[(i * KV_HEADS + kvHead) * RANK + r]; }
    state[sink + r] = state[source + r] + sum;
  }
}
