// The repetition penalty, in place, and what a stretch of a row's logits holds        one stretch of one row a workgroup
override WG: u32 = 256;  // a power of two

@group(0) @binding(0) var<storage, read_write> logits:  array<f32>;      // [rows, vocabulary]
@group(0) @binding(1) var<storage, read>       tokens:  array<u32>;      // [sequences, places], by position
@group(0) @binding(2) var<storage, read>       options: array<Options>;  // [sequences]
@group(0) @binding(3) var<uniform>             shape:   Shape;           // rows: the vocabulary; yStride: places of a sequence
@group(0) @binding(4) var<storage, read>       rows:    array<Row>;
@group(0) @binding(5) var<storage, read_write> found:   array<u32>;      // [rows], see found.wgsl

const MARKS = 512u;  // for 32 tokens each: more than a stretch has

var<workgroup> marks: array<atomic<u32>, MARKS>;
var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;
var<workgroup> oddLogits: atomic<u32>;

fn foundAt(i: u32) -> u32 { return found[i]; }

// Every token of the text counts once, however often it occurs.
fn penalize(place: Row, base: u32, first: u32, end: u32, penalty: f32, local: u32) {
  for (var i = local; i < MARKS; i += WG) { atomicStore(&marks[i], 0u); }
  workgroupBarrier();
  for (var i = local; i <= place.position; i += WG) {
    let token = tokens[place.sequence * shape.yStride + i];
    if (token < first || token >= end) { continue; }
    let bit = 1u << ((token - first) % 32u);
    if ((atomicOr(&marks[(token - first) / 32u], bit) & bit) != 0u) { continue; }
    let logit = logits[base + token];
    logits[base + token] = select(logit / penalty, logit * penalty, logit < 0.0);
  }
  storageBarrier();
  workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let place = rows[row];
  let asked = options[place.sequence];
  let base = row * shape.rows;
  let first = min(shape.rows, group.x * stretchLength());
  let end = min(shape.rows, first + stretchLength());
  if (asked.repetitionPenalty != 1.0) { penalize(place, base, first, end, asked.repetitionPenalty, local); }

  var value = 0.0;
  var index = NONE;
  var odd = 0u;
  for (var i = first + local; i < end; i += WG) {
    let logit = logits[base + i];
    odd += u32(!isFinite(logit));
    if (index == NONE || logit > value) {
      value = logit;
      index = i;
    }
  }
  if (odd > 0u) { atomicAdd(&oddLogits, odd); }
  values[local] = value;
  indices[local] = index;
  workgroupBarrier();
  for (var half = WG / 2u; half > 0u; half /= 2u) {
    if (local < half && indices[local + half] != NONE) {
      let other = local + half;
      let isLater = values[other] < values[local] || (values[other] == values[local] && indices[other] > indices[local]);
      if (indices[local] == NONE || !isLater) {
        values[local] = values[other];
        indices[local] = indices[other];
      }
    }
    workgroupBarrier();
  }
  let best = values[0];
  let top = indices[0];
  workgroupBarrier();

  if (asked.temperature > 0.0) {
    var sum = 0.0;
    for (var i = first + local; i < end; i += WG) { sum += exp((logits[base + i] - best) / asked.temperature); }
    values[local] = sum;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
      if (local < half) { values[local] += values[local + half]; }
      workgroupBarrier();
    }
  }
  if (local == 0u) {
    let at = firstFound(row) + group.x;
    found[at] = bitcast<u32>(best);
    found[at + STRETCHES] = top;
    found[at + 2u * STRETCHES] = atomicLoad(&oddLogits);
    found[at + 3u * STRETCHES] = bitcast<u32>(values[0]);
    if (group.x < 3u) { found[firstFound(row) + 5u * STRETCHES + group.x] = 0u; }
    if (STRETCHES < 3u && group.x == 0u) {
      for (var i = STRETCHES; i < 3u; i++) { found[firstFound(row) + 5u * STRETCHES + i] = 0u; }
    }
  }
}
