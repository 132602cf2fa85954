// |gelu(gelu(x·W1)·W2)·W3| of one head's vector x: the features of LESS. A whole workgroup computes them.
override WG: u32 = 32;
override HEAD_DIM: u32;
override HEADS: u32;         // of the layer whose kernel this is
override HIDDEN: u32;
override RANK: u32;
override MIXED: bool = false;  // whether there is a W3

@group(0) @binding(0) var<storage, read> weights: array<f32>;  // [HEADS, HEAD_DIM, HIDDEN], [HEADS, HIDDEN, RANK], [HEADS, RANK, RANK]

var<workgroup> x: array<f32, HEAD_DIM>;
var<workgroup> wide: array<f32, HIDDEN>;
var<workgroup> narrow: array<f32, RANK>;
var<workgroup> features: array<f32, RANK>;

// x · Φ(x), by erf within 1.5e-7: Abramowitz and Stegun, 7.1.26.
fn gelu(number: f32) -> f32 {
  let u = abs(number) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * u);
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  let below = 0.5 * series * exp(-u * u);
  return number * select(1.0 - below, below, number < 0.0);
}

// From `x`, which all invocations have written, to `features`, which all may read.
fn findFeatures(head: u32, local: u32) {
  workgroupBarrier();
  let w1 = head * HEAD_DIM * HIDDEN;
  for (var j = local; j < HIDDEN; j += WG) {
    var sum = 0.0;
    for (var i = 0u; i < HEAD_DIM; i++) { sum += x[i] * weights[w1 + i * HIDDEN + j]; }
    wide[j] = gelu(sum);
  }
  workgroupBarrier();
  let w2 = HEADS * HEAD_DIM * HIDDEN + head * HIDDEN * RANK;
  for (var r = local; r < RANK; r += WG) {
    var sum = 0.0;
    for (var j = 0u; j < HIDDEN; j++) { sum += wide[j] * weights[w2 + j * RANK + r]; }
    narrow[r] = gelu(sum);
  }
  workgroupBarrier();
  let w3 = HEADS * HIDDEN * (HEAD_DIM + RANK) + head * RANK * RANK;
  for (var r = local; r < RANK; r += WG) {
    var sum = narrow[r];
    if (MIXED) {
      sum = 0.0;
      for (var a = 0u; a < RANK; a++) { sum += narrow[a] * weights[w3 + a * RANK + r]; }
    }
    features[r] = abs(sum);
  }
  workgroupBarrier();
}
