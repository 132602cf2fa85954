/** What a person sets for a timing, what is wrong with it, and the experiment that it makes. */
import type { Policy } from '../../../gpu/kv/policies/policy.ts';
import { plainKvBytesPerToken } from '../../../gpu/kv/usage.ts';
import type { NumberRange } from '../../../gpu/plan/number-range.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { BatchSize } from '../../../worker/protocol/measure.ts';
import { numberComplaint } from '../../../worker/settings/number-complaint.ts';
import { policyRequestOf } from '../../../worker/settings/policy-request.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { MOST_PLANS, type OfferedPlan } from '../../experiments/offered-plans.ts';
import { MOST_AT_ONCE, words } from './words.ts';

export const MIB = 2 ** 20;

/** Numbers are null while their fields are empty. */
export interface TimingSetup {
  readonly plans: readonly OfferedPlan[];
  readonly prompt: number | null;
  readonly generate: number | null;
  readonly budgetMib: number | null;
  /** The most sequences that are timed at once. */
  readonly most: number;
  readonly rounds: number;
}

export const lengthRange: NumberRange = { min: 1, max: 65_536, whole: true };
export const budgetRange: NumberRange = { min: 1, max: 10_000_000, whole: true };
export const mostOptions = [8, 16, 32, 64, 128, 256, MOST_AT_ONCE];
export const roundOptions = [1, 3, 5, 9];

export interface SetupProblems {
  readonly prompt?: string;
  readonly generate?: string;
  readonly budgetMib?: string;
  /** About the plans, or the cache policy of the page. */
  readonly plans?: string;
}

/**
 * Empty if it can be timed.
 *
 * @param policy what the page's cache keeps, which counts for every plan; null while one of its fields is wrong
 */
export function setupProblems(setup: TimingSetup, policy: Pick<Policy, 'id'> | null): SetupProblems {
  const plans =
    policy === null
      ? words.form.policyFirst
      : setup.plans.length === 0
        ? words.form.noPlan
        : setup.plans.length > MOST_PLANS
          ? words.form.tooManyPlans(MOST_PLANS)
          : null;
  const found = {
    prompt: numberComplaint(setup.prompt, lengthRange),
    generate: numberComplaint(setup.generate, lengthRange),
    budgetMib: numberComplaint(setup.budgetMib, budgetRange),
    plans,
  };
  return Object.fromEntries(Object.entries(found).filter(([, sentence]) => sentence !== null));
}

/** Sequences of plain LLaMA that the first budget has room for. */
const ROOM_FOR = 16;

/** Rows of prompts that go through a layer at once. */
const PROMPT_ROWS = 512;

/** A budget in MiB that lets batches differ and is filled in little time. */
export function suggestedBudgetMib(weightBytes: number, dims: ModelDims, tokens: number): number {
  const kvBytes = ROOM_FOR * tokens * plainKvBytesPerToken(dims, 'f16');
  const { hiddenSize, intermediateSize, heads, headDim } = dims;
  // Hidden states, queries and what attention gives, and the gates, in float32.
  const promptBytes = 4 * PROMPT_ROWS * (3 * hiddenSize + 3 * heads * headDim + 3 * intermediateSize);
  return Math.max(budgetRange.min, Math.ceil((1.05 * weightBytes + kvBytes + promptBytes) / MIB) + 1);
}

/** The sizes to time of a plan: powers of two, then its largest batch, or the most that are wanted. */
export function sizesUpTo(places: number, most: number): readonly BatchSize[] {
  if (places === 0) return [];
  const end = Math.min(places, most);
  const powers: number[] = [];
  for (let size = 1; size < end; size *= 2) powers.push(size);
  return [...powers, places <= most ? 'largest' : most];
}

/** All of these sizes, the smaller first. */
export function unionOf(sizes: readonly (readonly BatchSize[])[]): readonly BatchSize[] {
  const all = new Set(sizes.flat());
  const numbers = [...all].filter((size) => size !== 'largest').sort((a, b) => a - b);
  return [...numbers, ...(all.has('largest') ? (['largest'] as const) : [])];
}

/** @param batch the sizes to time in some row */
export function timingExperiment(
  setup: TimingSetup,
  config: Readonly<PlaygroundConfig>,
  batch: readonly BatchSize[],
): Readonly<Record<string, unknown>> {
  return {
    experiment: 1,
    name: words.title,
    seed: 1,
    base: {
      ...{ backend: config.backend, weights: config.weights, embeddings: config.quantizeEmbeddings },
      ...{ mode: config.mode, kv: config.kvPrecision, policy: policyRequestOf(config) },
    },
    vary: [{ variants: setup.plans.map((plan) => variantOf(plan, config)) }],
    measure: [
      {
        ...{ id: 'speed', kind: 'speed', prompt: [setup.prompt], generate: [setup.generate], batch },
        ...{ budgetBytes: (setup.budgetMib ?? 0) * MIB, rounds: setup.rounds },
      },
    ],
  };
}

/** What the page is set to counts as a whole; of the other plans only the layers are known. */
const variantOf = ({ model, layerTypes, current }: OfferedPlan, config: Readonly<PlaygroundConfig>) => ({
  ...{ model, layers: layerTypes },
  ...(current && {
    ...{ window: config.slidingWindow, forward: config.forwardPasses },
    ...{ backward: config.backwardPasses, nodiag: config.forceNodiag },
  }),
});
