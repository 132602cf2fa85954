// A query head's score of a key, as attention has it, and with Keyformer's noise and temperature.
override HEAD_DIM: u32;
override KV_HEADS: u32;
override GROUP: u32;    // query heads that share a KV head
override NOISY: bool = false;

// A uniform instead of constants, because one pipeline should serve every layer. Bound as a shape.
struct Reader {
  layer: u32,        // that attends
  first: u32,        // 1 if the sum begins here, instead of being continued
  newestOnly: u32,   // 1 if only the last row counts
  statsAfter: u32,   // vec4f of attention output before the stats, for each row or split
}

@group(0) @binding(0) var<storage, read> q:      array<vec4f>;  // [rows, heads, HEAD_DIM]
@group(0) @binding(1) var<storage, read> kv:     array<vec4u>;  // [slots, (keys, values), KV_HEADS, HEAD_DIM]
@group(0) @binding(2) var<storage, read> noise:  array<f32>;    // the table of kv/policies/noise.ts
@group(0) @binding(3) var<storage, read> rows:   array<Row>;
@group(0) @binding(4) var<uniform>       step:   Step;
@group(0) @binding(7) var<uniform>       policies: array<Policy, MOST_TEXTS>;
@group(0) @binding(8) var<uniform>       reader: Reader;

fn scoreOf(place: Row, row: u32, head: u32, slot: u32) -> f32 {
  let kvHead = head / GROUP;
  let first = (row * KV_HEADS * GROUP + head) * (HEAD_DIM / 4u);
  var sum = 0.0;
  for (var quarter = 0u; quarter < HEAD_DIM / 8u; quarter++) {
    let k = turnedQuarters(place, slot, kvHead, quarter);
    sum += dot(q[first + quarter], k.a) + dot(q[first + quarter + HEAD_DIM / 8u], k.b);
  }
  let score = sum * inverseSqrt(f32(HEAD_DIM));
  if (!NOISY) { return score; }
  let marked = heldAt(place, slot, kvHead).position;
  let key = select(marked, place.position, marked == NEXT);
  var x = pcg(policies[place.sequence].seed);
  x = pcg(reader.layer ^ x);
  x = pcg(head ^ x);
  x = pcg(place.position ^ x);
  return (score + noise[pcg(key ^ x) >> 20u]) / tauAt(policies[place.sequence], place.position);
}

// The temperature rises with every token that is fed after the prompt.
fn tauAt(policy: Policy, position: u32) -> f32 {
  let fed = max(position + 1u, policy.promptTokens) - policy.promptTokens;
  return policy.tauInit + f32(fed) * policy.tauDelta;
}

fn pcg(v: u32) -> u32 {
  let s = v * 747796405u + 2891336453u;
  let w = ((s >> ((s >> 28u) + 4u)) ^ s) * 277803737u;
  return (w >> 22u) ^ w;
}
