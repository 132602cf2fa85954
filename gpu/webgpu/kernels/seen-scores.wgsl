// The score of every key that one query row sees, and which position it has        WG keys of one query head a workgroup
override WG: u32 = 64;
override HEAD_DIM: u32;
override KV_HEADS: u32;
override GROUP: u32;  // query heads that share a KV head

const UNSEEN = 0xffffffffu;

// Which row of the step asks, and for how many keys there is room. Bound as a shape.
struct Asked { row: u32, keys: u32 }

@group(0) @binding(0) var<storage, read>       q:     array<vec4f>;  // [rows, heads, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       kv:    array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read_write> seen:  array<vec2u>;  // (position or UNSEEN, score) [heads, keys]
@group(0) @binding(3) var<storage, read>       rows:  array<Row>;    // of the store that is read
@group(0) @binding(4) var<uniform>             step:  Step;
@group(0) @binding(7) var<uniform>             asked: Asked;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.x * WG + local;
  if (index >= asked.keys) { return; }
  let head = group.y;
  let kvHead = head / GROUP;
  let place = rows[step.firstRow + asked.row];
  let key = firstKey(place) + index;
  let at = head * asked.keys + index;
  seen[at] = vec2u(UNSEEN, 0u);
  if (key >= endKey(place) || !shows(place, key, kvHead)) { return; }

  let query = (asked.row * KV_HEADS * GROUP + head) * (HEAD_DIM / 4u);
  var sum = 0.0;
  for (var unit = 0u; unit < HEAD_DIM / 8u; unit++) {
    if (RANKED) {
      let k = turnedQuarters(place, key, kvHead, unit);
      sum += dot(q[query + unit], k.a) + dot(q[query + unit + HEAD_DIM / 8u], k.b);
    } else {
      let k = kvAt(slotOf(place, key), 0u, kvHead, unit);
      sum += dot(q[query + 2u * unit], k.a) + dot(q[query + 2u * unit + 1u], k.b);
    }
  }
  seen[at] = vec2u(positionOf(place, key, kvHead), bitcast<u32>(sum * inverseSqrt(f32(HEAD_DIM))));
}
