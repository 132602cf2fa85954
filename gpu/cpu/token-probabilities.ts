import { ALTERNATIVES, type TokenProbabilities } from '../plan/token-probabilities.ts';

/**
 * The probabilities of a drawn token, in float64; the twin of `kernels/probabilities.wgsl`.
 *
 * @param logits `[vocabSize]`, as the model computed them
 */
export function probabilitiesOf(logits: Float32Array, token: number): TokenProbabilities {
  const top = likeliest(logits, ALTERNATIVES);
  const max = logits[top[0] ?? 0] ?? 0;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  const probabilityOf = (i: number) => Math.exp((logits[i] ?? -Infinity) - max) / sum;

  const own = logits[token] ?? -Infinity;
  let rank = 1;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > own || (logit === own && i < token)) rank++;
  }
  return {
    probability: probabilityOf(token),
    rank,
    alternatives: top.map((i) => ({ token: i, probability: probabilityOf(i) })),
  };
}

/** The indices of the `count` largest values, the first of equals first. */
function likeliest(values: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    let place = best.length;
    while (place > 0 && value > (values[best[place - 1] as number] as number)) place--;
    if (place < count) {
      best.splice(place, 0, i);
      best.length = Math.min(best.length, count);
    }
  }
  return best;
}
