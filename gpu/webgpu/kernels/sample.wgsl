// tokens[position + 1] = a token drawn from the logits: repetition penalty, temperature, top-k, top-p, min-p, seed.
// A row a workgroup, with its sequence's own options. On a GPU sample-scan.wgsl and sample-gather.wgsl come before, in which
// many workgroups share a row; else it does everything. The mirror of cpu/sampler.ts: probabilities are whole counts out of 2^31, whose sums do not depend
// on their order, and floors are found digit by digit in the bits of the logits (radix select).
override WG: u32 = 64;

@group(0) @binding(0) var<storage, read_write> logits:  array<f32>;          // [rows, vocabulary], penalized in place
@group(0) @binding(1) var<storage, read_write> tokens:  array<u32>;          // [sequences, places], by position
@group(0) @binding(2) var<storage, read_write> seen:    array<atomic<u32>>;  // [sequences, vocabulary], the last step that penalized it; on a GPU the listed tokens
@group(0) @binding(3) var<storage, read>       options: array<Options>;      // [sequences]
@group(0) @binding(4) var<uniform>             shape:   Shape;               // rows: the vocabulary; yStride: places of a sequence
@group(0) @binding(5) var<storage, read>       rows:    array<Row>;          // whose successors are drawn
@group(0) @binding(6) var<storage, read_write> drawn:   array<u32>;          // [rows], the tokens once more
@group(0) @binding(7) var<storage, read>       found:   array<u32>;          // [rows], see found.wgsl

var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> chosen: u32;
var<workgroup> remaining: u32;
var<workgroup> oddLogits: atomic<u32>;  // logits that are not finite

fn foundAt(i: u32) -> u32 { return found[i]; }

// The i-th of the tokens that are asked.
fn tokenAt(draw: Draw, i: u32) -> u32 {
  if (STRETCHES > 0u && draw.listed) { return min(atomicLoad(&seen[draw.list + i]), shape.rows - 1u); }
  return i;
}

fn penalize(place: Row, first: u32, penalty: f32, local: u32) {
  let stamp = place.position + 1u;
  for (var i = local; i <= place.position; i += WG) {
    let token = tokens[place.sequence * shape.yStride + i];
    if (atomicExchange(&seen[place.sequence * shape.rows + token], stamp) == stamp) { continue; }
    let logit = logits[first + token];
    logits[first + token] = select(logit / penalty, logit * penalty, logit < 0.0);
  }
  storageBarrier();
  workgroupBarrier();
}

// The likeliest token, the first of equals; its logit stays in values[0]. Counts the logits that are not finite.
fn likeliest(first: u32, local: u32) -> u32 {
  var value = logits[first + min(local, shape.rows - 1u)];
  var index = min(local, shape.rows - 1u);
  var odd = 0u;
  for (var i = local; i < shape.rows; i += WG) {
    let logit = logits[first + i];
    odd += u32(!isFinite(logit));
    if (logit > value) {
      value = logit;
      index = i;
    }
  }
  if (odd > 0u) { atomicAdd(&oddLogits, odd); }
  values[local] = value;
  indices[local] = index;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) {
      let other = local + stride;
      if (values[other] > values[local] || (values[other] == values[local] && indices[other] < indices[local])) {
        values[local] = values[other];
        indices[local] = indices[other];
      }
    }
    workgroupBarrier();
  }
  return indices[0];
}

fn totalWeight(draw: Draw, local: u32) -> f32 {
  var sum = 0.0;
  for (var i = local; i < shape.rows; i += WG) { sum += weightOf(draw, i); }
  values[local] = sum;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) { values[local] += values[local + stride]; }
    workgroupBarrier();
  }
  return values[0];
}

// How much a token counts in a selection: 1 for a rank, its count for a probability.
fn amountOf(draw: Draw, i: u32, byCount: bool) -> u32 {
  if (byCount) { return countOf(draw, i); }
  return 1u;
}

// The order of the token at which the tokens from the likeliest down first hold `wanted`, of those at or above `floor`.
fn selectFloor(draw: Draw, local: u32, wanted: u32, floor: u32, byCount: bool) -> u32 {
  var prefix = 0u;
  if (local == 0u) { remaining = wanted; }
  for (var digit = 0u; digit < 4u; digit++) {
    let shift = 24u - 8u * digit;
    for (var bin = local; bin < 256u; bin += WG) { atomicStore(&histogram[bin], 0u); }
    workgroupBarrier();
    for (var i = local; i < draw.count; i += WG) {
      let token = tokenAt(draw, i);
      let order = orderOf(logits[draw.first + token]);
      if (order >= floor && (digit == 0u || (order >> (shift + 8u)) == prefix)) {
        atomicAdd(&histogram[(order >> shift) & 255u], amountOf(draw, token, byCount));
      }
    }
    workgroupBarrier();
    if (local == 0u) {
      var above = 0u;
      var bin = 255u;
      loop {
        let here = atomicLoad(&histogram[bin]);
        if (above + here >= remaining || bin == 0u) { break; }
        above += here;
        bin--;
      }
      remaining -= min(remaining, above);
      chosen = bin;
    }
    workgroupBarrier();
    prefix = (prefix << 8u) | chosen;
    workgroupBarrier();
  }
  return prefix;
}

fn keptCount(draw: Draw, i: u32, floor: u32) -> u32 {
  let kept = orderOf(logits[draw.first + i]) >= floor && (draw.minP == 0.0 || weightOf(draw, i) >= draw.minP);
  if (kept) { return countOf(draw, i); }
  return 0u;
}

// What the asked tokens from `floor` on count. By all invocations.
fn heldAbove(draw: Draw, local: u32, floor: u32) -> u32 {
  var held = 0u;
  for (var i = local; i < draw.count; i += WG) {
    let token = tokenAt(draw, i);
    if (orderOf(logits[draw.first + token]) >= floor) { held += countOf(draw, token); }
  }
  if (local == 0u) { atomicStore(&histogram[0], 0u); }
  workgroupBarrier();
  atomicAdd(&histogram[0], held);
  workgroupBarrier();
  let all = atomicLoad(&histogram[0]);
  workgroupBarrier();
  return all;
}

// The first token from `first` on, in the order of the vocabulary, at which the running sum of what is kept exceeds
// `wanted`. By all invocations: each sums a part, and the first one has the token.
fn tokenBeyond(draw: Draw, local: u32, floor: u32, first: u32, end: u32, wantedOf: u32, bits: u32) -> u32 {
  let part = (end - first + WG - 1u) / WG;
  var sum = 0u;
  for (var i = first + local * part; i < min(end, first + (local + 1u) * part); i++) { sum += keptCount(draw, i, floor); }
  indices[local] = sum;
  workgroupBarrier();
  if (local > 0u) { return 0u; }
  var wanted = wantedOf;
  if (STRETCHES == 0u) {
    var all = 0u;
    for (var i = 0u; i < WG; i++) { all += indices[i]; }
    wanted = multiplyHigh(all, bits);
  }
  var lane = 0u;
  var before = 0u;
  while (lane + 1u < WG && before + indices[lane] <= wanted) {
    before += indices[lane];
    lane++;
  }
  var token = min(first + lane * part, end - 1u);
  loop {
    before += keptCount(draw, token, floor);
    if (before > wanted || token + 1u >= end) { break; }
    token++;
  }
  return token;
}

// The same as main for a row of which scan and gather have found things.
fn drawFromFound(place: Row, row: u32, asked: Options, local: u32) {
  let odd = loadFound(row, local);
  if (odd > 0u) { atomicAdd(&oddLogits, odd); }
  workgroupBarrier();
  let top = bestStretch();
  if (asked.temperature <= 0.0) {
    if (local == 0u) { putToken(place, row, tops[top]); }
    return;
  }
  let list = place.sequence * shape.rows;
  let total = totalFound(bests[top], asked.temperature);
  var draw = Draw(row * shape.rows, asked.temperature, asked.minP, bests[top], total, shape.rows, false, list);
  let counters = firstFound(row) + 5u * STRETCHES;
  let listLength = min(found[counters], shape.rows);

  var floor = 0u;
  if (limitsRanks(asked)) {
    draw.listed = listLength >= asked.topK;
    draw.count = select(shape.rows, listLength, draw.listed);
    floor = selectFloor(draw, local, asked.topK, 0u, false);
  }
  if (asked.topP < 1.0) {
    var held = found[counters + 2u];
    if (limitsRanks(asked)) { held = heldAbove(draw, local, floor); }
    let wanted = max(1u, u32(ceil(asked.topP * f32(held))));
    if (!limitsRanks(asked)) {
      draw.listed = found[counters + 1u] >= wanted;
      draw.count = select(shape.rows, listLength, draw.listed);
    }
    floor = max(floor, selectFloor(draw, local, wanted, floor, true));
  }

  // What each stretch keeps.
  for (var i = local; i < 256u; i += WG) { atomicStore(&histogram[i], 0u); }
  workgroupBarrier();
  if (limits(asked)) {
    for (var i = local; i < draw.count; i += WG) {
      let token = tokenAt(draw, i);
      atomicAdd(&histogram[token / stretchLength()], keptCount(draw, token, floor));
    }
  } else {
    for (var i = local; i < STRETCHES; i += WG) {
      atomicStore(&histogram[i], found[firstFound(row) + 4u * STRETCHES + i]);
    }
  }
  workgroupBarrier();
  let bits = threefry(vec2u(asked.keyLow, asked.keyHigh), vec2u(place.position + 1u, 0u)).x;
  if (local == 0u) {
    var all = 0u;
    for (var i = 0u; i < STRETCHES; i++) { all += atomicLoad(&histogram[i]); }
    var wanted = multiplyHigh(all, bits);
    var stretch = 0u;
    while (stretch + 1u < STRETCHES && atomicLoad(&histogram[stretch]) <= wanted) {
      wanted -= atomicLoad(&histogram[stretch]);
      stretch++;
    }
    chosen = stretch;
    remaining = wanted;
  }
  workgroupBarrier();
  let first = min(shape.rows - 1u, chosen * stretchLength());
  let end = min(shape.rows, first + stretchLength());
  let token = tokenBeyond(draw, local, floor, first, end, remaining, bits);
  if (local == 0u) { putToken(place, row, token); }
}

// Every loop ends on any bit pattern, so that the device survives logits that are not finite.
fn putToken(place: Row, row: u32, token: u32) {
  let put = select(token, NOT_FINITE, atomicLoad(&oddLogits) > 0u);
  tokens[place.sequence * shape.yStride + place.position + 1u] = put;
  drawn[row] = put;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let place = rows[group.x];
  let asked = options[place.sequence];
  if (STRETCHES > 0u) {
    drawFromFound(place, group.x, asked, local);
    return;
  }
  let first = group.x * shape.rows;
  if (asked.repetitionPenalty != 1.0) { penalize(place, first, asked.repetitionPenalty, local); }
  let top = likeliest(first, local);
  var draw = Draw(first, asked.temperature, asked.minP, values[0], 0.0, shape.rows, false, 0u);
  workgroupBarrier();
  if (asked.temperature <= 0.0) {
    if (local == 0u) { putToken(place, group.x, top); }
    return;
  }
  draw.total = totalWeight(draw, local);
  workgroupBarrier();

  var floor = 0u;
  if (limitsRanks(asked)) { floor = selectFloor(draw, local, asked.topK, 0u, false); }
  if (asked.topP < 1.0) {
    let held = heldAbove(draw, local, floor);
    let wanted = max(1u, u32(ceil(asked.topP * f32(held))));
    floor = max(floor, selectFloor(draw, local, wanted, floor, true));
  }
  let bits = threefry(vec2u(asked.keyLow, asked.keyHigh), vec2u(place.position + 1u, 0u)).x;
  let token = tokenBeyond(draw, local, floor, 0u, shape.rows, 0u, bits);
  if (local == 0u) { putToken(place, group.x, token); }
}
