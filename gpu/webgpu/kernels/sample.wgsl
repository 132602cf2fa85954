// tokens[position + 1] = a token drawn from the logits: repetition penalty, temperature, top-k, top-p, min-p, seed.
// A row a workgroup, with its sequence's own options. The mirror of cpu/sampler.ts: probabilities are whole counts out of 2^31, whose sums do not depend
// on their order, and floors are found digit by digit in the bits of the logits (radix select).
override WG: u32 = 64;

struct Options {
  temperature: f32,
  topK: u32,
  topP: f32,
  minP: f32,
  repetitionPenalty: f32,
  keyLow: u32,   // of the seed
  keyHigh: u32,
  unused: u32,
}

const WHOLE = 2147483648.0;
const NOT_FINITE = 0xffffffffu;  // instead of a token, if some logit is not finite; see sample.ts

@group(0) @binding(0) var<storage, read_write> logits:  array<f32>;          // [rows, vocabulary], penalized in place
@group(0) @binding(1) var<storage, read_write> tokens:  array<u32>;          // [sequences, places], by position
@group(0) @binding(2) var<storage, read_write> seen:    array<atomic<u32>>;  // [sequences, vocabulary], the last step that penalized it
@group(0) @binding(3) var<storage, read>       options: array<Options>;      // [sequences]
@group(0) @binding(4) var<uniform>             shape:   Shape;               // rows: the vocabulary; yStride: places of a sequence
@group(0) @binding(5) var<storage, read>       rows:    array<Row>;          // whose successors are drawn
@group(0) @binding(6) var<storage, read_write> drawn:   array<u32>;          // [rows], the tokens once more

var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> chosen: u32;
var<workgroup> remaining: u32;
var<workgroup> oddLogits: atomic<u32>;  // logits that are not finite

// A number whose order as u32 is the order of x.
fn orderOf(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

// The row at hand.
struct Draw {
  first: u32,   // of its logits
  temperature: f32,
  minP: f32,
  best: f32,    // the largest logit
  total: f32,   // of all weights
}

fn weightOf(draw: Draw, i: u32) -> f32 {
  return exp((logits[draw.first + i] - draw.best) / draw.temperature);
}

fn countOf(draw: Draw, i: u32) -> u32 {
  return u32(floor(weightOf(draw, i) / draw.total * WHOLE + 0.5));
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

// By its bits, because a shader may assume that no number is NaN.
fn isFinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
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
    for (var i = local; i < shape.rows; i += WG) {
      let order = orderOf(logits[draw.first + i]);
      if (order >= floor && (digit == 0u || (order >> (shift + 8u)) == prefix)) {
        atomicAdd(&histogram[(order >> shift) & 255u], amountOf(draw, i, byCount));
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

// Into indices[local]: the sum of what is kept in this invocation's stretch of the vocabulary.
fn sumStretch(draw: Draw, local: u32, floor: u32) {
  let stretch = (shape.rows + WG - 1u) / WG;
  var sum = 0u;
  for (var i = local * stretch; i < min(shape.rows, (local + 1u) * stretch); i++) {
    sum += keptCount(draw, i, floor);
  }
  indices[local] = sum;
  workgroupBarrier();
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
  let first = group.x * shape.rows;
  if (asked.repetitionPenalty != 1.0) { penalize(place, first, asked.repetitionPenalty, local); }
  let top = likeliest(first, local);
  var draw = Draw(first, asked.temperature, asked.minP, values[0], 0.0);
  workgroupBarrier();
  if (asked.temperature <= 0.0) {
    if (local == 0u) { putToken(place, group.x, top); }
    return;
  }
  draw.total = totalWeight(draw, local);
  workgroupBarrier();

  var floor = 0u;
  if (asked.topK > 0u && asked.topK < shape.rows) {
    floor = selectFloor(draw, local, asked.topK, 0u, false);
  }
  if (asked.topP < 1.0) {
    var held = 0u;
    for (var i = local; i < shape.rows; i += WG) {
      if (orderOf(logits[first + i]) >= floor) { held += countOf(draw, i); }
    }
    if (local == 0u) { atomicStore(&histogram[0], 0u); }
    workgroupBarrier();
    atomicAdd(&histogram[0], held);
    workgroupBarrier();
    let wanted = max(1u, u32(ceil(asked.topP * f32(atomicLoad(&histogram[0])))));
    workgroupBarrier();
    floor = max(floor, selectFloor(draw, local, wanted, floor, true));
  }

  // Draw: the first token, in the order of the vocabulary, at which the running sum exceeds the random number.
  sumStretch(draw, local, floor);
  if (local == 0u) {
    var all = 0u;
    for (var i = 0u; i < WG; i++) { all += indices[i]; }
    let bits = threefry(vec2u(asked.keyLow, asked.keyHigh), vec2u(place.position + 1u, 0u)).x;
    let wanted = multiplyHigh(all, bits);
    var stretch = 0u;
    var before = 0u;
    while (stretch + 1u < WG && before + indices[stretch] <= wanted) {
      before += indices[stretch];
      stretch++;
    }
    var token = stretch * ((shape.rows + WG - 1u) / WG);
    loop {
      before += keptCount(draw, token, floor);
      if (before > wanted || token + 1u >= shape.rows) { break; }
      token++;
    }
    putToken(place, group.x, token);
  }
}
