import type { Meaning } from '../meaning.ts';
import type { Present } from '../present.ts';
import { cellRows, chances, of, timeline } from '../sketch.ts';

/** An example: what comes after “there was a king who had a”. */
const names = ['son', 'daughter', 'horse', 'cat', 'ring', 'cold'];
const logits = [2.2, 1.9, 1.0, 0.4, -0.1, -1];

function softmax(values: readonly number[]): readonly number[] {
  const most = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - most));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

const before = softmax(logits);
const tempered = ({ temperature }: Pick<Present, 'temperature'>) =>
  temperature === 0
    ? before.map((_, i) => (i === 0 ? 1 : 0))
    : softmax(logits.map((logit) => logit / temperature));

/** What is left of them, as fractions of the whole. */
function left(values: readonly number[], stays: (value: number, i: number) => boolean): readonly number[] {
  const kept = values.map((value, i) => (stays(value, i) ? value : 0));
  const sum = kept.reduce((all, value) => all + value, 0);
  return kept.map((value) => value / sum);
}

function topP(p: number): readonly number[] {
  let sum = 0;
  return left(before, (value) => {
    const stays = sum < p;
    sum += value;
    return stays;
  });
}

const drawn = (description: string, after: readonly number[]) => chances(description, before, after, names);

/** How the next token is drawn. */
export const sampling = {
  'Max new tokens': {
    why: 'A model may go on for long. This ends the text, and says for how many tokens the cache needs room.',
    sketch: ({ promptTokens, maxNewTokens }) =>
      timeline('The prompt, and then new tokens up to the limit', [
        {
          name: 'text',
          blocks: [
            [Math.max(4, promptTokens ?? 12), 'pale'],
            [maxNewTokens, 'held'],
          ],
        },
      ]),
    formula: 'room = prompt tokens + max new tokens',
    now: ({ promptTokens, maxNewTokens }) =>
      promptTokens === null
        ? null
        : `${promptTokens} + ${maxNewTokens} = ${promptTokens + maxNewTokens} tokens`,
  },
  Continuations: {
    why: 'Weights are read from memory once for all texts that are written together, so several cost little more time than one.',
    text: 'A batch: each text has a seed of its own and a cache of its own.',
    sketch: ({ continuations }) =>
      cellRows(
        `${continuations} texts that share one reading of the weights`,
        Array.from({ length: Math.min(4, Math.max(1, continuations)) }, (_, i) => ({
          name: `text ${i + 1}`,
          cells: of([5, 'pale'], [6 + ((3 * i) % 5), 'held']),
        })),
      ),
    formula: 'KV = continuations · KV of a text',
    now: ({ continuations }) => `${continuations} · KV of a text`,
  },
  Temperature: {
    why: 'The likeliest word is often the dullest. Temperature decides how often others get a chance.',
    sketch: (present) =>
      drawn(
        `Outlined, an example’s probabilities; filled, at temperature ${present.temperature}`,
        tempered(present),
      ),
    formula: 'p = softmax(logits / temperature); 0 takes the likeliest',
    now: ({ temperature }) =>
      temperature === 0 ? 'the likeliest token, always' : `p = softmax(logits / ${temperature})`,
  },
  'Top-k': {
    why: 'Among tens of thousands of tokens, the unlikely ones add up. Top-k leaves only the k likeliest.',
    sketch: ({ topK }) =>
      drawn(
        topK === 0 ? 'Nothing is cut off' : `Only the ${topK} likeliest are left`,
        left(before, (_, i) => topK === 0 || i < topK),
      ),
    formula: 'only the k likeliest tokens; 0 is off',
    now: ({ topK }) => (topK === 0 ? 'off' : `the ${topK} likeliest`),
  },
  'Top-p': {
    why: 'How many words make sense depends on the place. Top-p keeps as many as it takes to reach a probability, few where the model is sure.',
    sketch: ({ topP: p }) => drawn(`The likeliest tokens that together reach ${p}`, topP(p)),
    formula: 'the fewest likeliest tokens whose p add up to at least top-p; 1 is off',
    now: ({ topP: p }) => (p === 1 ? 'off' : `Σ p ≥ ${p}`),
  },
  'Min-p': {
    why: 'A token far below the likeliest one is a mistake more often than a surprise. Min-p cuts those off.',
    sketch: ({ minP }) =>
      drawn(
        `Tokens with at least ${minP} of the likeliest one’s probability`,
        left(before, (value) => value >= minP * (before[0] ?? 1)),
      ),
    formula: 'only tokens with p ≥ min-p · p of the likeliest; 0 is off',
    now: ({ minP }) => (minP === 0 ? 'off' : `p ≥ ${minP} · p of the likeliest`),
  },
  'Repetition penalty': {
    why: 'Small models fall into loops. The penalty makes tokens that already stand in the text less likely.',
    sketch: ({ repetitionPenalty }) =>
      drawn(
        'The first token stands in the text already, so it becomes less likely',
        softmax(
          logits.map((logit, i) =>
            i > 0 ? logit : logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty,
          ),
        ),
      ),
    formula: 'logit / penalty if it is positive, logit · penalty if it is negative; 1 is off',
    now: ({ repetitionPenalty }) =>
      repetitionPenalty === 1 ? 'off' : `logit / ${repetitionPenalty} or logit · ${repetitionPenalty}`,
  },
  Seed: {
    why: 'Drawing is chance, but from a known beginning: the same seed gives the same text, on any device.',
    sketch: () =>
      cellRows('The same seed, the same text', [
        { name: 'seed 1', cells: of([3, 'held'], [2, 'warm'], [4, 'held']) },
        { name: 'seed 1', cells: of([3, 'held'], [2, 'warm'], [4, 'held']) },
        { name: 'seed 2', cells: of([1, 'warm'], [5, 'held'], [3, 'warm']) },
      ]),
    formula: 'random number = threefry(seed, position)',
  },
} satisfies Readonly<Record<string, Meaning>>;
