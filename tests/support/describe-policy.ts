import { policyNumbers } from '../../gpu/kv/policies/fields.ts';
import { policyKind } from '../../gpu/kv/policies/policies.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import { numbersThatCount } from '../../worker/settings/numbers-that-count.ts';

/** A policy in words, as "H2O (heavy hitters), heavy hitters 8, recent 8, absolute positions". */
export function describePolicy(policy: Policy): string {
  const kind = policyKind(policy.id);
  const numbers = numbersThatCount(policy).map((name) => {
    const { label } = policyNumbers[name];
    return `${label.charAt(0).toLowerCase()}${label.slice(1)} ${String(policy[name])}`;
  });
  const positions = kind.positions.length > 1 ? [`${policy.positions} positions`] : [];
  const sparse = policy.sparse === null ? [] : [policyKind(policy.sparse).label];
  const kernels = policy.kernels === null ? [] : [`kernels ${policy.kernels}`];
  return [kind.label, ...sparse, ...numbers, ...positions, ...kernels].join(', ');
}
