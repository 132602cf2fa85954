// What the kernels that draw a token have in common. A kernel has `logits`.
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
  count: u32,   // of the tokens that are asked
  listed: bool, // whether these are a list, and not the whole vocabulary
  list: u32,    // where it begins
}

fn weightOf(draw: Draw, i: u32) -> f32 {
  return exp((logits[draw.first + i] - draw.best) / draw.temperature);
}

fn countOf(draw: Draw, i: u32) -> u32 {
  return u32(floor(weightOf(draw, i) / draw.total * WHOLE + 0.5));
}

// By its bits, because a shader may assume that no number is NaN.
fn isFinite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
