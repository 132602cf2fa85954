import type { BatchOptions, TextOptions } from '../backend.ts';
import { newEvictingCache } from '../kv/evicting-cache.ts';
import { mostRowsAtOnce } from '../kv/policies/policies.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import type { PolicyOptions } from '../kv/policies/policy.ts';
import { KvStores } from '../kv/stores.ts';
import { MAX_STEPS_IN_FLIGHT } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';

// Loaded only for texts under a policy.

/** What the texts of a batch under a policy need of what they have in common. */
export interface EvictionFacts {
  /** Slots of a text in each store, for the text that needs the most. */
  readonly strides: ReadonlyMap<number, number>;
  readonly angles: number;
  /** Whether ranks rotate keys, so that they are read and written by different rows. */
  readonly ranked: boolean;
  readonly noisy: boolean;
  /** Those of any text, for what does not depend on the text. */
  readonly example: PolicyOptions;
}

/** @throws Error unless all of them have one policy, because its kernels are compiled for the batch */
export function checkOnePolicy(texts: readonly TextOptions[]): void {
  const [first] = texts;
  const alike = texts.every(
    ({ eviction }) =>
      eviction?.kernels === first?.eviction?.kernels && kindOf(eviction) === kindOf(first?.eviction),
  );
  if (!alike) throw new Error('the texts of a batch have different policies');
}

/** Budgets, seeds and temperatures may differ. */
function kindOf(eviction: PolicyOptions | undefined): string {
  if (!eviction) return 'none';
  const { policy, scored } = eviction;
  return [policy.id, policy.sparse, policy.positions, scored].join();
}

/** @returns null if no text has a policy */
export function evictionFacts(dims: ModelDims, options: BatchOptions): EvictionFacts | null {
  const { sharing, kvPrecision, texts } = options;
  const [example] = texts.flatMap(({ eviction }) => eviction ?? []);
  if (!example) return null;
  const strides = new Map<number, number>();
  const none = { bytes: 0, firstSlot: 0 };
  let angles = 1;
  for (const { capacityTokens, eviction = example } of texts) {
    const stores = new KvStores(sharing, dims, kvPrecision, capacityTokens, () => none, {
      make: (facts) => newEvictingCache(facts, eviction, MAX_STEPS_IN_FLIGHT, () => 0),
    });
    for (const { owner, slots } of stores.caches) {
      strides.set(owner, Math.max(strides.get(owner) ?? 0, slots.slots));
    }
    const ranked = eviction.policy.positions === 'cache';
    angles = Math.max(angles, ranked ? mostRowsAtOnce(eviction, capacityTokens) : capacityTokens);
  }
  const { noisy } = new PolicyRun(example.policy, example.scored);
  return { strides, angles, ranked: example.policy.positions === 'cache', noisy, example };
}
