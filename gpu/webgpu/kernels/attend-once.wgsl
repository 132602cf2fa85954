// y[row] = softmax(q[row]·K / √HEAD_DIM)·V over the keys that the mask shows; zero if it shows none.
// A workgroup takes HEADS_HERE query heads that share a KV head, for one row, and one of SPLITS parts of the keys, in tiles
// of WG, with a running softmax. An invocation scores one key for all heads, and then weighs eight numbers of some values for
// four heads: a key is loaded once, and a value once for every four heads. attend.wgsl is the shape for software adapters.
override WG: u32 = 64;      // a power of two
override HEAD_DIM: u32;
override KV_HEADS: u32;
override GROUP: u32;        // query heads that share a KV head
override HEADS_HERE: u32;   // of them in this workgroup: divides GROUP; at most 8, and HEADS_HERE · HEAD_DIM <= 8 · WG
override SPLITS: u32 = 1u;
override MOST_SPLITS: u32 = 1u;      // of any text on this adapter
override STATS: bool = SPLITS > 1u;  // whether maxima and sums are left: behind a row's splits, or behind all rows of one split each

const NONE = -1e30;

@group(0) @binding(0) var<storage, read>       q:    array<vec4f>;  // [rows, heads, HEAD_DIM]
@group(0) @binding(1) var<storage, read>       kv:   array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read_write> y:    array<vec4f>;  // [rows, heads, HEAD_DIM]; SPLITS > 1: see startOf in matvec.wgsl
@group(0) @binding(3) var<storage, read>       rows: array<Row>;   // of the store that is read
@group(0) @binding(4) var<uniform>             step: Step;

override UNITS: u32 = HEAD_DIM / 8u;             // eights of a key or a value
override FOURS: u32 = (HEADS_HERE + 3u) / 4u;    // of heads: 1 or 2
override ITEMS: u32 = FOURS * UNITS;             // kept by as many invocations, for each of STRIPES
override STRIPES: u32 = WG / ITEMS;
override QUERY: u32 = HEADS_HERE * HEAD_DIM / 4u;  // by a name: see FRACTIONS in matvec.wgsl
override WEIGHTS: u32 = FOURS * WG;
override SCRATCH: u32 = 2u * WG;

var<workgroup> query: array<vec4f, QUERY>;
var<workgroup> weights: array<vec4f, WEIGHTS>;  // of each key, for four heads
var<workgroup> scratch: array<vec4f, SCRATCH>;
var<workgroup> most: array<vec4f, FOURS>;       // running maximum of each head's scores

// Eight numbers of an output for four heads.
struct Sums {
  a0: vec4f, b0: vec4f,
  a1: vec4f, b1: vec4f,
  a2: vec4f, b2: vec4f,
  a3: vec4f, b3: vec4f,
}

fn headDot(head: u32, first: u32, second: u32, k: Eight) -> f32 {
  let at = head * (HEAD_DIM / 4u);
  return dot(query[at + first], k.a) + dot(query[at + second], k.b);
}

// What eight numbers of a key add to the scores of four heads.
fn dotsOf(four: u32, first: u32, second: u32, k: Eight) -> vec4f {
  let head = 4u * four;
  var dots = vec4f();
  dots.x = headDot(head, first, second, k);
  if (head + 1u < HEADS_HERE) { dots.y = headDot(head + 1u, first, second, k); }
  if (head + 2u < HEADS_HERE) { dots.z = headDot(head + 2u, first, second, k); }
  if (head + 3u < HEADS_HERE) { dots.w = headDot(head + 3u, first, second, k); }
  return dots;
}

fn weigh(sums: Sums, v: Eight, weight: vec4f) -> Sums {
  var result = sums;
  result.a0 += weight.x * v.a;
  result.b0 += weight.x * v.b;
  if (HEADS_HERE > 1u) {
    result.a1 += weight.y * v.a;
    result.b1 += weight.y * v.b;
  }
  if (HEADS_HERE > 2u) {
    result.a2 += weight.z * v.a;
    result.b2 += weight.z * v.b;
  }
  if (HEADS_HERE > 3u) {
    result.a3 += weight.w * v.a;
    result.b3 += weight.w * v.b;
  }
  return result;
}

fn scaled(sums: Sums, factor: vec4f) -> Sums {
  return Sums(
    factor.x * sums.a0, factor.x * sums.b0, factor.y * sums.a1, factor.y * sums.b1,
    factor.z * sums.a2, factor.z * sums.b2, factor.w * sums.a3, factor.w * sums.b3);
}

// The weights of key j of a tile of `count`, for four heads: none past the end.
fn weightsOf(four: u32, j: u32, count: u32) -> vec4f {
  return select(vec4f(), weights[four * WG + min(j, WG - 1u)], j < count);
}

// A free slot may hold anything, and nothing times infinity is not nothing.
fn cleaned(v: Eight, weight: vec4f) -> Eight {
  let counts = any(weight > vec4f());
  return Eight(select(vec4f(), v.a, counts), select(vec4f(), v.b, counts));
}

// Into scratch[four · WG]: the maxima, or the sums, of what all invocations have there.
fn reduceFours(local: u32, summed: bool) {
  workgroupBarrier();
  for (var count = WG; count > 1u; count = (count + 3u) / 4u) {
    let kept = (count + 3u) / 4u;
    if (local < kept) {
      for (var four = 0u; four < FOURS; four++) {
        var here = scratch[four * WG + local];
        for (var i = local + kept; i < count; i += kept) {
          let other = scratch[four * WG + i];
          here = select(max(here, other), here + other, summed);
        }
        scratch[four * WG + local] = here;
      }
    }
    workgroupBarrier();
  }
}

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

  for (var i = local; i < QUERY; i += WG) {
    query[i] = q[(row * heads + firstHead) * (HEAD_DIM / 4u) + i] * inverseSqrt(f32(HEAD_DIM));
  }
  if (local < FOURS) { most[local] = vec4f(NONE); }
  workgroupBarrier();

  let stripe = local / ITEMS;
  let four = local % ITEMS / UNITS;
  let unit = local % UNITS;
  var sums = Sums();
  var total0 = vec4f();  // of the keys that this invocation scores
  var total1 = vec4f();

  for (var tile = first; tile < to; tile += WG) {
    // Zeroed, because on Dawn with Vulkan a variable kept the value of the last round.
    var scores0 = vec4f();
    var scores1 = vec4f();
    let key = tile + local;
    let seen = key < to && shows(place, key, kvHead);
    if (seen && RANKED) {
      for (var i = 0u; i < UNITS; i++) {
        let k = turnedQuarters(place, key, kvHead, i);
        scores0 += dotsOf(0u, i, i + UNITS, k);
        if (FOURS > 1u) { scores1 += dotsOf(1u, i, i + UNITS, k); }
      }
    } else if (seen) {
      let slot = slotOf(place, key);
      for (var i = 0u; i < UNITS; i++) {
        let k = kvAt(slot, 0u, kvHead, i);
        scores0 += dotsOf(0u, 2u * i, 2u * i + 1u, k);
        if (FOURS > 1u) { scores1 += dotsOf(1u, 2u * i, 2u * i + 1u, k); }
      }
    }
    scratch[local] = select(vec4f(NONE), scores0, seen);
    if (FOURS > 1u) { scratch[WG + local] = select(vec4f(NONE), scores1, seen); }
    reduceFours(local, false);

    // Their weights, against the maximum so far.
    let highest0 = max(most[0], scratch[0]);
    let weight0 = select(vec4f(), exp(scores0 - highest0), seen);
    weights[local] = weight0;
    total0 = total0 * exp(most[0] - highest0) + weight0;
    if (FOURS > 1u) {
      let highest1 = max(most[FOURS - 1u], scratch[WG]);
      let weight1 = select(vec4f(), exp(scores1 - highest1), seen);
      weights[WEIGHTS - WG + local] = weight1;
      total1 = total1 * exp(most[FOURS - 1u] - highest1) + weight1;
    }
    let before = most[four];
    sums = scaled(sums, exp(before - max(before, scratch[four * WG])));
    workgroupBarrier();
    if (local < FOURS) { most[local] = max(most[local], scratch[local * WG]); }

    // Their values, eight at a time, so that as many loads are under way.
    let count = min(WG, to - tile);
    if (stripe < STRIPES) {
      for (var i = stripe; i < count; i += 8u * STRIPES) {
        let w0 = weightsOf(four, i, count);
        let w1 = weightsOf(four, i + STRIPES, count);
        let w2 = weightsOf(four, i + 2u * STRIPES, count);
        let w3 = weightsOf(four, i + 3u * STRIPES, count);
        let w4 = weightsOf(four, i + 4u * STRIPES, count);
        let w5 = weightsOf(four, i + 5u * STRIPES, count);
        let w6 = weightsOf(four, i + 6u * STRIPES, count);
        let w7 = weightsOf(four, i + 7u * STRIPES, count);
        let last = tile + count - 1u;
        let v0 = kvAt(slotOf(place, tile + i), 1u, kvHead, unit);
        let v1 = kvAt(slotOf(place, min(tile + i + STRIPES, last)), 1u, kvHead, unit);
        let v2 = kvAt(slotOf(place, min(tile + i + 2u * STRIPES, last)), 1u, kvHead, unit);
        let v3 = kvAt(slotOf(place, min(tile + i + 3u * STRIPES, last)), 1u, kvHead, unit);
        let v4 = kvAt(slotOf(place, min(tile + i + 4u * STRIPES, last)), 1u, kvHead, unit);
        let v5 = kvAt(slotOf(place, min(tile + i + 5u * STRIPES, last)), 1u, kvHead, unit);
        let v6 = kvAt(slotOf(place, min(tile + i + 6u * STRIPES, last)), 1u, kvHead, unit);
        let v7 = kvAt(slotOf(place, min(tile + i + 7u * STRIPES, last)), 1u, kvHead, unit);
        sums = weigh(sums, cleaned(v0, w0), w0);
        sums = weigh(sums, cleaned(v1, w1), w1);
        sums = weigh(sums, cleaned(v2, w2), w2);
        sums = weigh(sums, cleaned(v3, w3), w3);
        sums = weigh(sums, cleaned(v4, w4), w4);
        sums = weigh(sums, cleaned(v5, w5), w5);
        sums = weigh(sums, cleaned(v6, w6), w6);
        sums = weigh(sums, cleaned(v7, w7), w7);
      }
    }
    workgroupBarrier();
  }

  scratch[local] = total0;
  if (FOURS > 1u) { scratch[WG + local] = total1; }
  reduceFours(local, true);
  let total = scratch[four * WG];
  workgroupBarrier();

  let width = heads * (HEAD_DIM / 4u);
  let rowVecs = SPLITS * select(width, width + heads, SPLITS > 1u);
  if (STATS && local < ITEMS && unit == 0u) {
    let stats = select(step.rows * width + row * heads, row * rowVecs + SPLITS * width, SPLITS > 1u);
    let at = stats + group.y * heads + firstHead + 4u * four;
    for (var h = 0u; h < min(4u, HEADS_HERE - 4u * four); h++) {
      y[at + h] = vec4f(most[four][h], total[h], 0.0, 0.0);
    }
  }
  let used = min(STRIPES, to - first);  // stripes that saw a key
  let out = row * rowVecs + group.y * width + firstHead * (HEAD_DIM / 4u);
  putHead(0u, sums.a0, sums.b0, total.x, local, used, out);
  if (HEADS_HERE > 1u) { putHead(1u, sums.a1, sums.b1, total.y, local, used, out); }
  if (HEADS_HERE > 2u) { putHead(2u, sums.a2, sums.b2, total.z, local, used, out); }
  if (HEADS_HERE > 3u) { putHead(3u, sums.a3, sums.b3, total.w, local, used, out); }
}

// Adds up the first `used` stripes of a head of every four, and puts it. By all invocations.
fn putHead(h: u32, a: vec4f, b: vec4f, total: f32, local: u32, used: u32, out: u32) {
  scratch[local] = a;
  scratch[WG + local] = b;
  workgroupBarrier();
  let head = 4u * (local / UNITS) + h;
  if (local < ITEMS && head < HEADS_HERE) {
    var sumA = a;
    var sumB = b;
    for (var i = local + ITEMS; i < used * ITEMS; i += ITEMS) {
      sumA += scratch[i];
      sumB += scratch[WG + i];
    }
    let at = out + head * (HEAD_DIM / 4u) + 2u * (local % UNITS);
    // Not `total > 0.0`: a total that is no number must not become a zero.
    y[at] = select(sumA / total, vec4f(), total == 0.0);
    y[at + 1u] = select(sumB / total, vec4f(), total == 0.0);
  }
  workgroupBarrier();
}
