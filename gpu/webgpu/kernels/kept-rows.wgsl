// The rows of a store, for LESS.
override KV_HEADS: u32;

@group(0) @binding(1) var<storage, read> kv: array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]

// The key of a row, to `x`.
fn takeKey(slot: u32, kvHead: u32, local: u32) {
  for (var unit = local; unit < HEAD_DIM / 8u; unit += WG) {
    let eight = kvAt(slot, 0u, kvHead, unit);
    for (var i = 0u; i < 4u; i++) {
      x[8u * unit + i] = eight.a[i];
      x[8u * unit + 4u + i] = eight.b[i];
    }
  }
}
