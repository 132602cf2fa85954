// What the raw distribution says about the token at position + 1: its rank and logit, the likeliest tokens, and the
// maximum and the sum of exp(logit - maximum), from which the host computes every probability.
// One workgroup. The twin is cpu/token-probabilities.ts. A token comes before another if it is likelier, or as likely and
// earlier in the vocabulary.
override WG: u32 = 64;  // a power of two

const ALTERNATIVES = 5u;
const NONE = 0xffffffffu;

struct Probabilities {
  maximum: f32,
  sum: f32,
  logit: f32,
  rank: u32,
  tokens: array<u32, 5>,
  logits: array<f32, 5>,
}

@group(0) @binding(0) var<storage, read>       logits:  array<f32>;  // [rows]
@group(0) @binding(1) var<storage, read>       tokens:  array<u32>;  // by position
@group(0) @binding(2) var<storage, read_write> probabilities: Probabilities;
@group(0) @binding(3) var<uniform>             shape:   Shape;       // rows: the vocabulary
@group(0) @binding(4) var<storage, read>       rows:    array<Row>;  // the row whose successor was drawn

var<workgroup> values: array<f32, WG>;
var<workgroup> indices: array<u32, WG>;

fn comesBefore(value: f32, index: u32, otherValue: f32, otherIndex: u32) -> bool {
  return value > otherValue || (value == otherValue && index < otherIndex);
}

// Into values[0] and indices[0]: the first token of all that come after `last`; NONE if there is none.
fn nextLikeliest(local: u32, isFirst: bool, lastValue: f32, lastIndex: u32) {
  var value = 0.0;
  var index = NONE;
  for (var i = local; i < shape.rows; i += WG) {
    let logit = logits[i];
    let left = isFirst || comesBefore(lastValue, lastIndex, logit, i);
    if (left && (index == NONE || logit > value)) {
      value = logit;
      index = i;
    }
  }
  values[local] = value;
  indices[local] = index;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride && indices[local + stride] != NONE) {
      let other = local + stride;
      if (indices[local] == NONE || comesBefore(values[other], indices[other], values[local], indices[local])) {
        values[local] = values[other];
        indices[local] = indices[other];
      }
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) local: u32) {
  let token = tokens[rows[0].position + 1u];
  let own = logits[token];

  var maximum = 0.0;
  var lastValue = 0.0;
  var lastIndex = NONE;
  for (var round = 0u; round < ALTERNATIVES; round++) {
    nextLikeliest(local, round == 0u, lastValue, lastIndex);
    // A small vocabulary runs out of tokens. Nothing comes after NONE if the value stays.
    if (indices[0] != NONE) { lastValue = values[0]; }
    lastIndex = indices[0];
    if (round == 0u) { maximum = lastValue; }
    if (local == 0u) {
      probabilities.tokens[round] = lastIndex;
      probabilities.logits[round] = lastValue;
    }
    workgroupBarrier();
  }

  var sum = 0.0;
  var ahead = 0u;
  for (var i = local; i < shape.rows; i += WG) {
    let logit = logits[i];
    sum += exp(logit - maximum);
    ahead += u32(comesBefore(logit, i, own, token));
  }
  values[local] = sum;
  indices[local] = ahead;
  workgroupBarrier();
  for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
    if (local < stride) {
      values[local] += values[local + stride];
      indices[local] += indices[local + stride];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    probabilities.maximum = maximum;
    probabilities.sum = values[0];
    probabilities.logit = own;
    probabilities.rank = indices[0] + 1u;
  }
}
