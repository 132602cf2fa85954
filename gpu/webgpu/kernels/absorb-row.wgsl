// After evict.wgsl: the state of LESS with the row that a step let go, in the table of the text that is one token longer
// One KV head of one text a workgroup.
override VERSIONS: u32;
override STRIDE: u32 = 0u;  // as in held.wgsl

struct Held { position: u32, score: f32, rank: u32, freedAt: u32 }  // as in held.wgsl

const FREE = 0xffffffffu;

@group(0) @binding(2) var<storage, read>       held:  array<Held>;  // [texts, VERSIONS, slots, KV_HEADS]
@group(0) @binding(3) var<storage, read_write> state: array<f32>;   // [texts, VERSIONS, KV_HEADS, (RANK, (RANK, HEAD_DIM))]
@group(0) @binding(4) var<storage, read>       rows:  array<Row>;
@group(0) @binding(5) var<uniform>             step:  Step;

var<workgroup> gone: atomic<u32>;  // one more than the slot of the row that went; 0 if none did
var<workgroup> value: array<f32, HEAD_DIM>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let kvHead = group.x;
  let place = rows[step.firstRow + group.y];
  let base = place.sequence * STRIDE;
  let slots = place.endSlot - place.firstSlot;
  let before = place.firstSlot / slots;
  let after = select(before + 1u, 0u, before + 1u == VERSIONS);
  let textTokens = place.position + 1u;
  for (var slot = local; slot < slots; slot += WG) {
    let mark = held[(VERSIONS * base + after * slots + slot) * KV_HEADS + kvHead];
    if (mark.position == FREE && mark.freedAt == textTokens) { atomicMax(&gone, slot + 1u); }
  }
  workgroupBarrier();
  let found = atomicLoad(&gone);

  // If none went, this reads the first slot in vain, because all invocations must meet at every barrier.
  let slot = base + max(found, 1u) - 1u;
  takeKey(slot, kvHead, local);
  for (var unit = local; unit < HEAD_DIM / 8u; unit += WG) {
    let eight = kvAt(slot, 1u, kvHead, unit);
    for (var i = 0u; i < 4u; i++) {
      value[8u * unit + i] = eight.a[i];
      value[8u * unit + 4u + i] = eight.b[i];
    }
  }
  findFeatures(kvHead, local);

  let size = RANK * (HEAD_DIM + 1u);
  let versions = place.sequence * VERSIONS;
  let source = ((versions + before) * KV_HEADS + kvHead) * size;
  let sink = ((versions + after) * KV_HEADS + kvHead) * size;
  for (var i = local; i < size; i += WG) {
    var added = 0.0;
    if (found > 0u) {
      let number = i - min(i, RANK);
      added = features[select(number / HEAD_DIM, i, i < RANK)] * select(value[number % HEAD_DIM], 1.0, i < RANK);
    }
    state[sink + i] = state[source + i] + added;
  }
}
