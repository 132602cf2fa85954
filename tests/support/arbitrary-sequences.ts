import type { PlanOptions, TextOptions } from '../../gpu/backend.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { SamplingOptions } from '../../gpu/plan/sampling.ts';
import { arbitraryPolicy } from './arbitrary-policies.ts';
import { arbitrarySharing } from './arbitrary-plans.ts';
import { kernelsFor } from './policy-trace.ts';
import { tinyDims } from './random-model.ts';
import { fc } from './seeded-properties.ts';

/** One of several sequences, and how its prompt is read. */
export interface TestSequence {
  readonly prompt: readonly number[];
  readonly mode: Mode;
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  /** Tokens that end it. */
  readonly ends: readonly number[];
}

export interface TestSequences {
  readonly plan: PlanOptions;
  readonly policy: Policy;
  readonly places: number;
  readonly sequences: readonly TestSequence[];
}

const token = fc.nat(tinyDims.vocabSize - 1);

const arbitrarySampling: fc.Arbitrary<SamplingOptions> = fc.record({
  temperature: fc.constantFrom(0, 0.7, 1.3),
  topK: fc.constantFrom(0, 5),
  topP: fc.constantFrom(1, 0.9),
  minP: fc.constantFrom(0, 0.02),
  repetitionPenalty: fc.constantFrom(1, 1.2),
  seed: fc.nat(),
});

const arbitrarySequence: fc.Arbitrary<TestSequence> = fc.record({
  prompt: fc.array(token, { minLength: 1, maxLength: 14 }),
  mode: fc.constantFrom('sequential', 'parallel'),
  maxNewTokens: fc.integer({ min: 1, max: 12 }),
  sampling: arbitrarySampling,
  ends: fc.array(token, { maxLength: 3 }),
});

/** Up to 20 sequences in 1 to 16 places, under any plan and policy. */
export const arbitrarySequences: fc.Arbitrary<TestSequences> = fc.record({
  plan: fc.record({
    sharing: arbitrarySharing(tinyDims.layerCount).filter(
      ({ layers }) => layers.length === tinyDims.layerCount,
    ),
    passes: fc.record({ forward: fc.integer({ min: 1, max: 3 }), backward: fc.nat(2) }),
    kvPrecision: fc.constantFrom<KvPrecision>('f16', 'f32'),
  }),
  policy: fc.oneof(fc.constant(keepEverything), arbitraryPolicy),
  places: fc.integer({ min: 1, max: 16 }),
  sequences: fc.array(arbitrarySequence, { minLength: 1, maxLength: 20 }),
});

/** What a sequence needs of its caches. */
export function textOptions(
  { plan, policy }: Pick<TestSequences, 'plan' | 'policy'>,
  { prompt, maxNewTokens }: TestSequence,
): TextOptions {
  const capacityTokens = prompt.length + maxNewTokens;
  if (policy.id === 'none') return { capacityTokens };
  const kernels = kernelsFor(policy, plan.sharing);
  return { capacityTokens, eviction: { policy, scored: false, promptTokens: prompt.length, kernels } };
}
