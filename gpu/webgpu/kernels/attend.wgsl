// y[row] = softmax(q[row]·K / √HEAD_DIM)·V over the keys that the mask shows; zero if it shows none.
// A workgroup takes HEADS_HERE query heads that share a KV head, for one row, and one of SPLITS parts of the keys:
// every cache row is read once for all of them. Keys go by in tiles of WG, with a running softmax (FlashAttention).
override WG: u32 = 64;
override HEAD_DIM: u32;
override KV_HEADS: u32;
override GROUP: u32;        // query heads that share a KV head
override HEADS_HERE: u32;   // of them in this workgroup: divides GROUP; at most 8, and HEADS_HERE · HEAD_DIM <= 4 · WG
override SPLITS: u32 = 1u;
override MOST_SPLITS: u32 = 1u;      // of any text on this adapter
override STATS: bool = SPLITS > 1u;  // whether maxima and sums are left: behind a row's splits, or behind all rows of one split each

const MOST_HEADS = 8u;
const NONE = -1e30;

@group(0) @binding(0) var<storage, read>       q:    array<vec4f>;  // [rows, heads, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       kv:   array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read_write> y:    array<vec4f>;  // [rows, heads, HEAD_DIM]; SPLITS > 1: see startOf in matvec.wgsl
@group(0) @binding(3) var<storage, read>       rows: array<Row>;   // of the store that is read
@group(0) @binding(4) var<uniform>             step: Step;

override ITEMS: u32 = HEADS_HERE * HEAD_DIM / 4u;  // vec4 of output, each kept by STRIPES invocations
override STRIPES: u32 = WG / ITEMS;
override SCORES: u32 = HEADS_HERE * WG;  // by a name: see FRACTIONS in matvec.wgsl

var<workgroup> query: array<vec4f, ITEMS>;
var<workgroup> reduce: array<f32, SCORES>;
var<workgroup> weights: array<f32, SCORES>;
var<workgroup> most: array<f32, HEADS_HERE>;  // running maximum of each head's scores
var<workgroup> sums: array<vec4f, WG>;
var<workgroup> totals: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let heads = KV_HEADS * GROUP;
  let firstHead = group.x * HEADS_HERE;
  let kvHead = firstHead / GROUP;
  let row = group.z;
  let place = rows[step.firstRow + row];

  // This split's keys.
  let visible = firstKey(place);
  let end = endKey(place);
  // Its length follows from the keys alone, so that a sum is taken in the same order however much room there is.
  let perSplit = ((end - visible + MOST_SPLITS - 1u) / MOST_SPLITS + WG - 1u) / WG * WG;
  let first = min(end, visible + group.y * perSplit);
  let to = select(min(end, first + perSplit), end, group.y == SPLITS - 1u);

  if (local < ITEMS) {
    query[local] = q[(row * heads + firstHead) * (HEAD_DIM / 4u) + local] * inverseSqrt(f32(HEAD_DIM));
  }
  if (local < HEADS_HERE) { most[local] = NONE; }
  workgroupBarrier();

  let item = local % ITEMS;
  let stripe = local / ITEMS;
  let itemHead = item / (HEAD_DIM / 4u);
  let itemUnit = (item % (HEAD_DIM / 4u)) / 2u;
  var sum = vec4f();
  var total = 0.0;

  for (var tile = first; tile < to; tile += WG) {
    // One key's scores per invocation. Zeroed, because on Dawn with Vulkan a variable kept the value of the last round.
    var scores = array<f32, MOST_HEADS>();
    let key = tile + local;
    let seen = key < to && shows(place, key, kvHead);
    if (seen && RANKED) {
      for (var unit = 0u; unit < HEAD_DIM / 8u; unit++) {
        let k = turnedQuarters(place, key, kvHead, unit);
        for (var h = 0u; h < HEADS_HERE; h++) {
          let at = h * (HEAD_DIM / 4u) + unit;
          scores[h] += dot(query[at], k.a) + dot(query[at + HEAD_DIM / 8u], k.b);
        }
      }
    } else if (seen) {
      let slot = slotOf(place, key);
      for (var unit = 0u; unit < HEAD_DIM / 8u; unit++) {
        let k = kvAt(slot, 0u, kvHead, unit);
        for (var h = 0u; h < HEADS_HERE; h++) {
          let at = h * (HEAD_DIM / 4u) + 2u * unit;
          scores[h] += dot(query[at], k.a) + dot(query[at + 1u], k.b);
        }
      }
    }
    for (var h = 0u; h < HEADS_HERE; h++) { reduce[h * WG + local] = select(NONE, scores[h], seen); }
    workgroupBarrier();
    for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
      if (local < stride) {
        for (var h = 0u; h < HEADS_HERE; h++) {
          reduce[h * WG + local] = max(reduce[h * WG + local], reduce[h * WG + local + stride]);
        }
      }
      workgroupBarrier();
    }

    // Their weights, against the maximum so far.
    for (var h = 0u; h < HEADS_HERE; h++) {
      let highest = max(most[h], reduce[h * WG]);
      weights[h * WG + local] = select(0.0, exp(scores[h] - highest), seen);
    }
    let before = most[itemHead];
    let correction = exp(before - max(before, reduce[itemHead * WG]));
    workgroupBarrier();
    if (local < HEADS_HERE) { most[local] = max(most[local], reduce[local * WG]); }

    // Their values.
    sum *= correction;
    total *= correction;
    if (stripe < STRIPES) {
      for (var i = stripe; i < min(WG, to - tile); i += STRIPES) {
        let weight = weights[itemHead * WG + i];
        // A free slot may hold anything, and nothing times infinity is not nothing.
        if (weight == 0.0) { continue; }
        let v = kvAt(slotOf(place, tile + i), 1u, kvHead, itemUnit);
        sum += weight * select(v.b, v.a, item % 2u == 0u);
        total += weight;
      }
    }
    workgroupBarrier();
  }

  sums[local] = sum;
  totals[local] = total;
  workgroupBarrier();
  if (local < ITEMS) {
    for (var i = local + ITEMS; i < STRIPES * ITEMS; i += ITEMS) {
      sum += sums[i];
      total += totals[i];
    }
    // Not `total > 0.0`: a total that is no number must not become a zero.
    let result = select(sum / total, vec4f(), total == 0.0);
    let at = firstHead * (HEAD_DIM / 4u) + local;
    let width = heads * (HEAD_DIM / 4u);
    let rowVecs = SPLITS * select(width, width + heads, SPLITS > 1u);
    y[row * rowVecs + group.y * width + at] = result;
    if (STATS && local % (HEAD_DIM / 4u) == 0u) {
      let stats = select(step.rows * width + row * heads, row * rowVecs + SPLITS * width, SPLITS > 1u);
      y[stats + group.y * heads + firstHead + itemHead] = vec4f(most[itemHead], total, 0.0, 0.0);
    }
  }
}
