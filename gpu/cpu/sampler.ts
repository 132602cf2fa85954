import { argmax } from '../numbers/argmax.ts';
import { SMALLEST_TEMPERATURE, type SamplingOptions } from '../plan/sampling.ts';
import { drawBits } from './random.ts';

/**
 * Probabilities are whole numbers, counts out of 2^31. Sums of whole numbers do not depend on their order, so the GPU,
 * which adds in any order, makes the same decision as this twin.
 */
const WHOLE = 2 ** 31;

/**
 * Draws the next token: repetition penalty, temperature, then the tokens that top-k, top-p and min-p leave,
 * then one of them by its count. `kernels/sample.wgsl` is its mirror, step for step.
 *
 * @param logits   `[vocabSize]`
 * @param history  every token of the text so far
 * @param position the position that the new token will have
 */
export const sampleToken = (
  logits: Float32Array,
  history: Iterable<number>,
  position: number,
  options: SamplingOptions,
): number => sampleWith(logits, history, drawBits(options.seed, position), options);

/** `sampleToken` with given random bits. */
export function sampleWith(
  logits: Float32Array,
  history: Iterable<number>,
  bits: number,
  options: SamplingOptions,
): number {
  const scores = penalized(logits, history, options.repetitionPenalty);
  const likeliest = argmax(scores);
  if (options.temperature < SMALLEST_TEMPERATURE) return likeliest;

  const { weights, counts } = scratchFor(scores.length);
  countInto(scores, scores[likeliest] ?? 0, Math.fround(options.temperature), weights, counts);
  const topK = topKFloor(scores, options.topK);
  const floor = Math.max(
    topK,
    minPFloor(scores, weights, options.minP),
    topPFloor(scores, counts, topK, options.topP),
  );
  return draw(scores, counts, floor, bits);
}

/** The logits after the repetition penalty, which counts once for every token of the text so far; the same if it is 1. */
export function penalized(logits: Float32Array, history: Iterable<number>, penalty: number): Float32Array {
  if (penalty === 1) return logits;
  const scores = logits.slice();
  for (const token of new Set(history)) {
    const score = scores[token] ?? 0;
    scores[token] = score < 0 ? score * penalty : score / penalty;
  }
  return scores;
}

interface Scratch {
  /** How likely each token is, beside the likeliest. */
  readonly weights: Float32Array;
  /** {@link WHOLE} times its probability. */
  readonly counts: Uint32Array;
}

let scratch: Scratch = { weights: new Float32Array(), counts: new Uint32Array() };

/** Kept from token to token. */
function scratchFor(size: number): Scratch {
  if (scratch.counts.length !== size) {
    scratch = { weights: new Float32Array(size), counts: new Uint32Array(size) };
  }
  return scratch;
}

/** Below this, e^x is 0 in float32. */
const NO_WEIGHT = -104;

function countInto(
  scores: Float32Array,
  best: number,
  temperature: number,
  weights: Float32Array,
  counts: Uint32Array,
): void {
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    const exponent = ((scores[i] as number) - best) / temperature;
    weights[i] = exponent < NO_WEIGHT ? 0 : Math.exp(exponent);
    total += weights[i] as number;
  }
  for (let i = 0; i < scores.length; i++) {
    counts[i] = Math.floor(((weights[i] as number) / total) * WHOLE + 0.5);
  }
}

/** The score of the k-th likeliest token. Tokens with the same score stay too. */
function topKFloor(scores: Float32Array, topK: number): number {
  if (topK === 0 || topK >= scores.length) return -Infinity;
  return scoreThatHolds(topK, scores, -Infinity, null);
}

/** The lowest score among tokens at least `minP` as likely as the likeliest. */
function minPFloor(scores: Float32Array, weights: Float32Array, minP: number): number {
  if (minP === 0) return -Infinity;
  let floor = Infinity;
  for (let i = 0; i < scores.length; i++) {
    if ((weights[i] as number) >= minP) floor = Math.min(floor, scores[i] as number);
  }
  return floor;
}

/** The score at which the likeliest tokens above `above` first hold the fraction `topP` of all that are above it. */
function topPFloor(scores: Float32Array, counts: Uint32Array, above: number, topP: number): number {
  if (topP >= 1) return -Infinity;
  let held = 0;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) >= above) held += counts[i] as number;
  const wanted = Math.max(1, Math.ceil(Math.fround(Math.fround(topP) * Math.fround(held))));
  return wanted > held ? above : scoreThatHolds(wanted, scores, above, counts);
}

/** The bits of a score are looked at in three pieces, the highest first. */
const PIECES = [
  { shift: 21, bits: 11 },
  { shift: 10, bits: 11 },
  { shift: 0, bits: 10 },
] as const;
const sums = new Float64Array(2 ** 11);
const one = new Float32Array(1);
const oneBits = new Uint32Array(one.buffer);

/**
 * The highest score such that tokens with it or a higher one, down to `above`, hold at least `wanted` together. It sorts
 * nothing: it adds up what is held per value of the highest bits, and looks closer where the sum is reached.
 *
 * @param counts what each token holds; 1 if null
 */
function scoreThatHolds(
  wanted: number,
  scores: Float32Array,
  above: number,
  counts: Uint32Array | null,
): number {
  const words = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  let rest = wanted;
  let found = 0;
  for (const { shift, bits } of PIECES) {
    sums.fill(0);
    const known = shift + bits;
    for (let i = 0; i < scores.length; i++) {
      if ((scores[i] as number) < above) continue;
      const ordered = inOrder(words[i] as number);
      // A shift by 32 would be one by 0.
      if (known < 32 && ordered >>> known !== found) continue;
      const piece = (ordered >>> shift) & (2 ** bits - 1);
      sums[piece] = (sums[piece] as number) + (counts ? (counts[i] as number) : 1);
    }
    let piece = 2 ** bits - 1;
    for (; piece > 0 && (sums[piece] as number) < rest; piece--) rest -= sums[piece] as number;
    found = ((found << bits) | piece) >>> 0;
  }
  // The inverse of inOrder.
  oneBits[0] = found >= 2 ** 31 ? found ^ 0x80000000 : ~found;
  return one[0] ?? 0;
}

/** The bits of a float32 as a whole number that is larger for a larger float. */
const inOrder = (word: number) => (word >= 2 ** 31 ? ~word : word ^ 0x80000000) >>> 0;

/** The token, in the order of the vocabulary, at which the running sum of those kept exceeds the random number. */
function draw(scores: Float32Array, counts: Uint32Array, floor: number, bits: number): number {
  let total = 0;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) >= floor) total += counts[i] as number;
  const target = Number((BigInt(total) * BigInt(bits)) >> 32n);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    if ((scores[i] as number) >= floor) sum += counts[i] as number;
    if (sum > target) return i;
  }
  throw new Error('no token is left to draw from');
}
