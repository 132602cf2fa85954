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

  const best = scores[likeliest] ?? 0;
  const temperature = Math.fround(options.temperature);
  const weights = scores.map((score) => Math.exp((score - best) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = Uint32Array.from(weights, (weight) => Math.floor((weight / total) * WHOLE + 0.5));

  const floor = Math.max(
    topKFloor(scores, options.topK),
    minPFloor(scores, weights, options.minP),
    topPFloor(scores, counts, topKFloor(scores, options.topK), options.topP),
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

/** The score of the k-th likeliest token. Tokens with the same score stay too. */
function topKFloor(scores: Float32Array, topK: number): number {
  if (topK === 0 || topK >= scores.length) return -Infinity;
  return scores.toSorted()[scores.length - topK] ?? -Infinity;
}

/** The lowest score among tokens at least `minP` as likely as the likeliest. */
function minPFloor(scores: Float32Array, weights: Float32Array, minP: number): number {
  if (minP === 0) return -Infinity;
  return scores.reduce(
    (floor, score, i) => ((weights[i] ?? 0) >= minP ? Math.min(floor, score) : floor),
    Infinity,
  );
}

/** The score at which the likeliest tokens above `above` first hold the fraction `topP` of all that are above it. */
function topPFloor(scores: Float32Array, counts: Uint32Array, above: number, topP: number): number {
  if (topP >= 1) return -Infinity;
  const candidates = [...scores.keys()].filter((i) => (scores[i] ?? 0) >= above && (counts[i] ?? 0) > 0);
  candidates.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const held = candidates.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
  const wanted = Math.max(1, Math.ceil(Math.fround(Math.fround(topP) * Math.fround(held))));
  let sum = 0;
  for (const i of candidates) {
    sum += counts[i] ?? 0;
    if (sum >= wanted) return scores[i] ?? 0;
  }
  return above;
}

/** The token, in the order of the vocabulary, at which the running sum of those kept exceeds the random number. */
function draw(scores: Float32Array, counts: Uint32Array, floor: number, bits: number): number {
  const kept = (i: number) => ((scores[i] ?? 0) >= floor ? (counts[i] ?? 0) : 0);
  let total = 0;
  for (let i = 0; i < scores.length; i++) total += kept(i);
  const target = Number((BigInt(total) * BigInt(bits)) >> 32n);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    sum += kept(i);
    if (sum > target) return i;
  }
  throw new Error('no token is left to draw from');
}
