import { numbersOf } from '../../gpu/kv/policies/complete-policy.ts';
import { policyNumbers, type PolicyNumber } from '../../gpu/kv/policies/fields.ts';
import { policyKind } from '../../gpu/kv/policies/policies.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';

const rowNumbers = ['recent', 'heavy', 'rows'] as const satisfies readonly PolicyNumber[];
const percents: readonly PolicyNumber[] = ['cachePercent', 'recentPercent'];

/** The numbers that decide what a policy keeps: percents only if some number of rows is left to them. */
export function numbersThatCount(policy: Policy): readonly PolicyNumber[] {
  const names = numbersOf(policyKind(policy.sparse ?? policy.id));
  const byRows = rowNumbers.every((name) => !names.includes(name) || policy[name] !== null);
  return names.filter((name) => policy[name] !== null && !(byRows && percents.includes(name)));
}

/** A whole policy in words, as "H2O (heavy hitters), heavy hitters 8, recent 8, absolute positions". */
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
