// What was found in stretches of a row's logits, so that several workgroups share a row. Words of a row: the best logit of
// each stretch, its token, its logits that are not finite, its weights beside its best, and what it keeps; then the length
// of the row's list, the count that this holds, and that of all tokens. A kernel has foundAt.
override STRETCHES: u32 = 0u;   // of the vocabulary; 0: one workgroup does everything
override PLACES: u32 = 1u;      // the same, but at least 1

const NONE = 0xffffffffu;

var<workgroup> bests: array<f32, PLACES>;
var<workgroup> tops: array<u32, PLACES>;
var<workgroup> sums: array<f32, PLACES>;

fn firstFound(row: u32) -> u32 { return row * (5u * STRETCHES + 3u); }

fn stretchLength() -> u32 { return (shape.rows + PLACES - 1u) / PLACES; }

// Into workgroup memory. By all invocations. Returns how many logits this one found not to be finite.
fn loadFound(row: u32, local: u32) -> u32 {
  let first = firstFound(row);
  var odd = 0u;
  for (var i = local; i < STRETCHES; i += WG) {
    bests[i] = bitcast<f32>(foundAt(first + i));
    tops[i] = foundAt(first + STRETCHES + i);
    odd += foundAt(first + 2u * STRETCHES + i);
    sums[i] = bitcast<f32>(foundAt(first + 3u * STRETCHES + i));
  }
  workgroupBarrier();
  return odd;
}

// The stretch of the likeliest token, the first of equals. The first stretch is never empty.
fn bestStretch() -> u32 {
  var best = 0u;
  for (var i = 1u; i < STRETCHES; i++) {
    if (tops[i] != NONE && bests[i] > bests[best]) { best = i; }
  }
  return best;
}

fn totalFound(best: f32, temperature: f32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < STRETCHES; i++) {
    if (tops[i] != NONE) { total += sums[i] * exp((bests[i] - best) / temperature); }
  }
  return total;
}

// Whether top-k, or top-p, leaves tokens out.
fn limitsRanks(asked: Options) -> bool { return asked.topK > 0u && asked.topK < shape.rows; }
fn limits(asked: Options) -> bool { return limitsRanks(asked) || asked.topP < 1.0; }
