// added[slot] += Σ over rows and the query heads of a KV head: the probability of the slot's key        one key an invocation
override WG: u32 = 32;
override EACH: bool = false;  // each row is of a text of its own, as while decoding, else those of a segment
override SPLITS: u32 = 1u;  // into which the attention was split

@group(0) @binding(9) var<storage, read>       stats: array<vec4f>;  // (max, sum, 0, 0) of each head, as attend.wgsl leaves them
@group(0) @binding(10) var<storage, read_write> added: array<f32>;    // [texts, slots, KV_HEADS]

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slot = id.x;
  let kvHead = id.y;
  var first = id.z;
  var end = id.z + 1u;
  if (!EACH) {
    let segment = segmentAt(id.z);
    first = segment.x;
    end = segment.x + segment.y;
  }
  let last = rows[step.firstRow + end - 1u];
  if (slot >= endKey(last)) { return; }
  var sum = 0.0;
  for (var row = select(first, end - 1u, reader.newestOnly == 1u); row < end; row++) {
    let place = rows[step.firstRow + row];
    if (slot >= endKey(place) || !shows(place, slot, kvHead)) { continue; }
    for (var head = kvHead * GROUP; head < (kvHead + 1u) * GROUP; head++) {
      let stat = statOf(row, head);
      sum += exp(scoreOf(place, row, head, slot) - stat.x) / stat.y;
    }
  }
  let at = slotOf(last, slot) * KV_HEADS + kvHead;
  added[at] = select(added[at], 0.0, reader.first == 1u) + sum;
}

// The splits of a row, merged.
fn statOf(row: u32, head: u32) -> vec2f {
  let heads = KV_HEADS * GROUP;
  if (SPLITS == 1u) { return stats[step.rows * reader.statsAfter + row * heads + head].xy; }
  let first = row * SPLITS * (reader.statsAfter + heads) + SPLITS * reader.statsAfter;
  var most = -1e30;
  for (var split = 0u; split < SPLITS; split++) { most = max(most, stats[first + split * heads + head].x); }
  var total = 0.0;
  for (var split = 0u; split < SPLITS; split++) {
    let stat = stats[first + split * heads + head];
    total += stat.y * exp(stat.x - most);
  }
  return vec2f(most, total);
}
