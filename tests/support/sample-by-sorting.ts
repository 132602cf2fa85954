import { penalized } from '../../gpu/cpu/sampler.ts';
import { argmax } from '../../gpu/numbers/argmax.ts';
import { SMALLEST_TEMPERATURE, type SamplingOptions } from '../../gpu/plan/sampling.ts';

const WHOLE = 2 ** 31;

/** What `sampleWith` decides, in the fewest words: it sorts all tokens, and makes lists of them. */
export function sampleBySorting(
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
