// The rows that each KV head holds, to the slots of another store that end at a place: the newest lies last. Their
// positions and scores go with them        one row of one KV head a workgroup
override WG: u32 = 32;
override KV_HEADS: u32;
override HEAD_WORDS: u32;  // 32-bit words of a head
override KEEPS_SCORES: bool = true;

@group(0) @binding(0) var<storage, read>       source: array<u32>;   // [slots, (keys, values), KV_HEADS, HEAD_WORDS]
@group(0) @binding(1) var<storage, read_write> sink:   array<u32>;   // the same, of as many slots as it has rows
@group(0) @binding(2) var<storage, read>       held:   array<Held>;  // [slots, KV_HEADS], of the source
@group(0) @binding(3) var<storage, read_write> moved: array<Held>;   // [rows, KV_HEADS], of the sink
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;   // [rows, KV_HEADS], of the sink
@group(0) @binding(5) var<uniform>             place:  Target;

// Bound as a shape.
struct Target {
  end: u32,
  sourceFirst: u32,  // where the slots of the text begin
  sinkFirst: u32,
  movedFirst: u32,
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let mark = held[group.y * KV_HEADS + group.x];
  if (mark.position >= NEXT) { return; }
  let slot = place.end - mark.newer;
  if (local == 0u) {
    let at = (place.movedFirst + slot) * KV_HEADS + group.x;
    moved[at] = Held(mark.position, 0.0, 0u, 0u);
    scores[at] = select(0.0, mark.score, KEEPS_SCORES);
  }
  for (var part = 0u; part < 2u; part++) {
    let head = part * KV_HEADS + group.x;
    for (var i = local; i < HEAD_WORDS; i += WG) {
      sink[((place.sinkFirst + slot) * 2u * KV_HEADS + head) * HEAD_WORDS + i] =
        source[((place.sourceFirst + group.y) * 2u * KV_HEADS + head) * HEAD_WORDS + i];
    }
  }
}
