// added[slot] = −‖key‖, for the step's rows        one KV head of one row an invocation
override KV_HEADS: u32;
override HEAD_DIM: u32;
override VERSIONS: u32 = 1u;
override STRIDE: u32 = 0u;  // as in held.wgsl
override DECODING: bool = false;  // the row's slot is the next one of its KV head, else the one that the table says

@group(0) @binding(0) var<storage, read>       kv:    array<vec4u>;  // [texts, slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       next:  array<u32>;    // [texts, VERSIONS, KV_HEADS]
@group(0) @binding(2) var<storage, read>       rows:  array<Row>;
@group(0) @binding(3) var<uniform>             step:  Step;
@group(0) @binding(4) var<storage, read_write> added: array<f32>;    // [texts, slots, KV_HEADS]

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
  let kvHead = group.x;
  let place = rows[step.firstRow + group.y];
  var slot = place.slot;
  if (DECODING) {
    let version = place.firstSlot / (place.endSlot - place.firstSlot);
    slot = place.sequence * STRIDE + next[(place.sequence * VERSIONS + version) * KV_HEADS + kvHead];
  }
  var squares = 0.0;
  for (var unit = 0u; unit < HEAD_DIM / 8u; unit++) {
    let at = ((slot * 2u * KV_HEADS + kvHead) * (HEAD_DIM / 8u) + unit) * VECS;
    let eight = unpack8(kv[at], kv[at + VECS - 1u]);
    squares += dot(eight.a, eight.a) + dot(eight.b, eight.b);
  }
  added[slot * KV_HEADS + kvHead] = -sqrt(squares);
}
