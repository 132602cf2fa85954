// to[slot(p)] = from[slot(p)] for the positions of the step: from a ring to a prefill's scratch cache, or back        one word an invocation
override WG: u32 = 64;
override ROW_WORDS: u32;
override FROM_RING: bool;  // else to the ring

@group(0) @binding(0) var<storage, read>       source: array<u32>;  // [slots, ROW_WORDS]
@group(0) @binding(1) var<storage, read_write> sink:   array<u32>;  // [slots, ROW_WORDS]
@group(0) @binding(2) var<uniform>             step:   Step;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ROW_WORDS) { return; }
  let position = step.position + id.y;
  let ring = (position % step.ringRows) * ROW_WORDS + id.x;
  let scratch = (position - step.scratchBase) * ROW_WORDS + id.x;
  sink[select(ring, scratch, FROM_RING)] = source[select(scratch, ring, FROM_RING)];
}
