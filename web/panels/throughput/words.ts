import type { LargestBatch } from '../../../worker/protocol/largest-batch.ts';
import { formatBytes, formatCount } from '../../ui/format.ts';

/** No batch is larger, however much memory there is. */
export const MOST_AT_ONCE = 4096;

const texts = (count: number) => formatCount(count, 'text');

/** The words of the panel about throughput. */
export const words = {
  title: 'Throughput',
  running: 'Timing batches',
  about:
    'To write one more token, a model reads all of its weights, whether for one text or for forty. Texts that are written together share that reading, so each further text costs little, until the memory is full. What fills it is their KV.',
  aboutSharing:
    'Sharing KV makes one text hardly faster. It leaves room for more texts in the same memory, and throughput follows: that is how layer-condensed KV pays.',

  plans: {
    legend: 'Plans',
    hint: (most: number) =>
      `The others are compared with the first one that is checked. Speed does not depend on training, so any plan can be timed. At most ${most}.`,
  },

  form: {
    prompt: 'Prompt tokens',
    promptHint: 'Of every text',
    generate: 'New tokens',
    generateHint: 'Written after each prompt',
    budget: 'Memory budget, MiB',
    budgetHint: (weights: string) => `For weights (${weights}), KV and scratch together`,
    most: 'Time at most',
    mostOf: (count: number) => (count >= MOST_AT_ONCE ? 'as many as fit' : `${texts(count)} at once`),
    mostHint: 'Larger batches are only counted',
    rounds: 'Rounds',
    roundsOf: (rounds: number) => (rounds === 1 ? '1 (noise unknown)' : String(rounds)),
    roundsHint: 'Every plan in turn, forward, then backward',
    policyFirst: 'Correct the cache policy in “What the cache keeps” first: it counts for every plan.',
    noPlan: 'Choose at least one plan.',
    tooManyPlans: (most: number) => `Choose at most ${most} plans: more lines cannot be told apart.`,
    setUp: (settings: string) => `As set on this page: ${settings}.`,
  },

  control: {
    run: 'Time batches',
    estimate: 'Estimate the time',
    stop: 'Stop timing',
    bar: 'Progress of the timing',
    standing: 'Timing',
    waiting: 'Waiting for the model…',
    finding: (plan: number, plans: number) => `Finding the largest batch: plan ${plan} of ${plans}…`,
    estimating: 'Timing a short run of every plan…',
    warming: 'Warming up…',
    timing: (done: number, items: number, plan: string) => `${done} of ${items} timed · ${plan}`,
    left: (duration: string) => `, about ${duration} left`,
    cutShort: (items: string) => `Stopped. What was timed stays: ${items}.`,
    done: (items: string) => `Done: ${items}.`,
    timings: (count: number) => formatCount(count, 'timing'),
    none: 'Nothing was timed: no plan has room for one text.',
    idle: 'Not timed yet.',
  },
  estimated: (duration: string, batches: readonly { readonly name: string; readonly places: number }[]) =>
    `At most ${duration}. Fit at once: ${batches.map(({ name, places }) => `${name} ${places.toLocaleString('en')}`).join('; ')}.`,
  estimatedNone: 'There is no room for one text under any of these plans. Raise the budget.',

  result: {
    title: 'Results',
    of: (prompt: number, generate: number, budget: string, rounds: number) =>
      `Texts of ${formatCount(prompt, 'prompt token')} and ${formatCount(generate, 'new token')}, ${budget} for weights, KV and scratch, ${formatCount(rounds, 'round')}`,
    when: (adapter: string, time: string) => `${adapter}; ${time}`,
    csv: 'Export throughput as CSV',
    picture: 'Throughput against batch',
    pictureNote:
      'A large point with a number is the largest batch that fits; a hollow one is the largest that was timed, if more fit. Lines at the points reach from the slowest round to the fastest.',
    pictureLater: 'The picture appears when two sizes of a batch are timed.',
    fits: (places: number) => `${texts(places)} at once`,
    alone: 'One text',
    together: (batch: number) => `${texts(batch)} at once`,
    speed: (tokensPerSec: string) => `${tokensPerSec} tokens/s`,
    range: (range: string, rounds: number) => `${range}, ${formatCount(rounds, 'round')}`,
    gain: (factor: string) => `${factor} × one text`,
    untimed: 'not timed',
    first: 'The others are compared with this one.',
    besideFirst: (name: string, factor: string, timed: string) =>
      `${factor} × as fast as ${name} in the same memory${timed}`,
    alike: (name: string, timed: string) => `≈ ${name} in the same memory${timed}`,
    /** If fewer texts were timed than fit. */
    timed: (batch: number, places: number) =>
      batch < places ? `, with ${batch} of the ${formatCount(places, 'text')} that fit` : '',
    why: 'Why no more',
  },

  /** Why a batch is not larger. */
  limit(
    { places, weightBytes, kvBytes, scratchBytes, missingBytes }: LargestBatch,
    budgetBytes: number,
    evicts: boolean,
  ): string {
    if (places === 0) {
      const missing = formatBytes(missingBytes ?? 0);
      return `There is no room for one text: the weights take ${formatBytes(weightBytes)} of ${formatBytes(budgetBytes)}, and the first text needs ${missing} more than is left. Raise the budget.`;
    }
    const taken = `Weights ${formatBytes(weightBytes)}, KV ${formatBytes(kvBytes)} (${formatBytes(kvBytes / places)} per text), scratch ${formatBytes(scratchBytes)}.`;
    if (missingBytes !== null) {
      return `${taken} One more text would pass the budget by ${formatBytes(missingBytes)}.`;
    }
    if (places >= MOST_AT_ONCE)
      return `${taken} Memory is left, but kvtab writes at most ${texts(places)} at once.`;
    if (evicts) return `${taken} Memory is left, but under a cache policy no more texts are written at once.`;
    return `${taken} Memory is left, but no kernel can bind the buffers of more texts at once.`;
  },

  bytes: {
    title: 'Bytes at the largest batch',
    weights: 'weights',
    kv: 'KV',
    scratch: 'scratch',
    budget: 'budget',
    bar: (name: string, places: number) => `${name}: ${places.toLocaleString('en')}`,
    note: 'The more of the memory is KV, the more a plan that shares KV gains.',
  },

  caption: (settings: string, adapter: string) => `${settings}; ${adapter}`,
  named: 'throughput',
  refused: (field: string, reason: string) => `${field}: ${reason}.`,
} as const;
