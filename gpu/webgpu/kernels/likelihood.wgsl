// likelihoods[i]: the logit and the rank of wanted token i, and of its row of logits the maximum and the sum of
// exp(logit - maximum), from which the host computes the log-probability.
// A workgroup takes one wanted token, then the next that is left. The twin is cpu/token-likelihood.ts. Rank 0 says that
// some logit of the row is not finite.
override WG: u32 = 64;  // a power of two

struct Wanted {
  row: u32,    // of logits
  token: u32,
}

struct Likelihood {
  maximum: f32,
  sum: f32,
  logit: f32,
  rank: u32,
}

@group(0) @binding(0) var<storage, read>       logits: array<f32>;              // [rows, shape.rows]
@group(0) @binding(1) var<storage, read>       wanted: array<Wanted>;
@group(0) @binding(2) var<storage, read_write> likelihoods: array<Likelihood>;  // one for each wanted token
@group(0) @binding(3) var<uniform>             shape: Shape;                    // rows: the vocabulary
@group(0) @binding(4) var<uniform>             step: Step;                      // which of the wanted tokens

var<workgroup> values: array<f32, WG>;
var<workgroup> counts: array<u32, WG>;
var<workgroup> odds: array<u32, WG>;

const EXPONENT = 0x7f800000u;  // all of its bits are set if a number is infinite or none at all

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var i = group.x; i < step.rows; i += groups.x) {
    let at = step.firstRow + i;
    let token = wanted[at].token;
    let first = wanted[at].row * shape.rows;
    let own = logits[first + token];

    var maximum = -3.4028234e38;
    var ahead = 0u;
    var odd = 0u;
    for (var k = local; k < shape.rows; k += WG) {
      let logit = logits[first + k];
      maximum = max(maximum, logit);
      ahead += u32(logit > own || (logit == own && k < token));
      odd |= u32((bitcast<u32>(logit) & EXPONENT) == EXPONENT);
    }
    values[local] = maximum;
    counts[local] = ahead;
    odds[local] = odd;
    workgroupBarrier();
    for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
      if (local < stride) {
        values[local] = max(values[local], values[local + stride]);
        counts[local] += counts[local + stride];
        odds[local] |= odds[local + stride];
      }
      workgroupBarrier();
    }
    maximum = values[0];
    let rank = select(counts[0] + 1u, 0u, odds[0] != 0u);
    workgroupBarrier();

    var sum = 0.0;
    for (var k = local; k < shape.rows; k += WG) { sum += exp(logits[first + k] - maximum); }
    values[local] = sum;
    workgroupBarrier();
    for (var stride = WG / 2u; stride > 0u; stride /= 2u) {
      if (local < stride) { values[local] += values[local + stride]; }
      workgroupBarrier();
    }
    if (local == 0u) { likelihoods[at] = Likelihood(maximum, values[0], own, rank); }
    workgroupBarrier();
  }
}
