// Puts the rows that were just computed where each KV head has room for them        one KV head of one row a workgroup
override WG: u32 = 32;
override KV_HEADS: u32;
override VERSIONS: u32;
override STRIDE: u32 = 0u;  // as in held.wgsl
override HEAD_WORDS: u32;  // 32-bit words of a head

@group(0) @binding(0) var<storage, read>       row:  array<u32>;  // [rows, (keys, values), KV_HEADS, HEAD_WORDS]
@group(0) @binding(1) var<storage, read_write> kv:   array<u32>;  // [texts, slots, (keys, values), KV_HEADS, HEAD_WORDS]
@group(0) @binding(2) var<storage, read>       next: array<u32>;  // [texts, VERSIONS, KV_HEADS]
@group(0) @binding(3) var<storage, read>       rows: array<Row>;
@group(0) @binding(4) var<uniform>             step: Step;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let place = rows[step.firstRow + group.y];
  let version = place.firstSlot / (place.endSlot - place.firstSlot);
  let slot = place.sequence * STRIDE + next[(place.sequence * VERSIONS + version) * KV_HEADS + group.x];
  for (var part = 0u; part < 2u; part++) {
    let head = part * KV_HEADS + group.x;
    for (var i = local; i < HEAD_WORDS; i += WG) {
      kv[(slot * 2u * KV_HEADS + head) * HEAD_WORDS + i] =
        row[(place.slot * 2u * KV_HEADS + head) * HEAD_WORDS + i];
    }
  }
}
