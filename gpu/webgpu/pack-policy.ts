import type { Budget, Policy } from '../kv/policies/policy.ts';

/** Bytes of the policy of one text, as `kernels/policy.wgsl` reads it. */
export const POLICY_BYTES = 32;

/** The most texts under a policy that are decoded together: what a uniform has room for everywhere. */
export const MOST_TEXTS = 32;

/** More rows than any text has. */
const ALL = 0x3fffffff;

/** A policy at work. */
export function packPolicy(policy: Policy, budget: Budget | null, promptTokens: number): ArrayBuffer {
  const words = new Uint32Array(POLICY_BYTES / 4);
  const rows = budget ?? { sinks: 0, recent: ALL, heavy: 0 };
  words.set([rows.sinks, rows.recent, rows.heavy, promptTokens, policy.seed]);
  new Float32Array(words.buffer).set([policy.tauInit, policy.tauDelta], 5);
  return words.buffer;
}
