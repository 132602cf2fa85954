// Eight numbers of a key (part 0) or value (part 1) in `kv`: [slots, (keys, values), KV_HEADS, HEAD_DIM]
fn kvAt(slot: u32, part: u32, head: u32, unit: u32) -> Eight {
  let at = (((slot * 2u + part) * KV_HEADS + head) * (HEAD_DIM / 8u) + unit) * VECS;
  return unpack8(kv[at], kv[at + VECS - 1u]);
}
