// sink[copy.sink] = source[copy.source]        one word of one row an invocation
override WG: u32 = 64;
override ROW_WORDS: u32;  // 32-bit words in a row of a store

struct Copy {
  source: u32,  // slots
  sink: u32,
}

@group(0) @binding(0) var<storage, read>       source: array<u32>;   // [slots, ROW_WORDS]
@group(0) @binding(1) var<storage, read_write> sink:   array<u32>;   // [slots, ROW_WORDS]
@group(0) @binding(2) var<storage, read>       copies: array<Copy>;  // [rows]

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ROW_WORDS) { return; }
  let copy = copies[id.y];
  sink[copy.sink * ROW_WORDS + id.x] = source[copy.source * ROW_WORDS + id.x];
}
