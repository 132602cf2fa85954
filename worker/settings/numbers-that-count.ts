import { numbersOf } from '../../gpu/kv/policies/complete-policy.ts';
import type { PolicyNumber } from '../../gpu/kv/policies/fields.ts';
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
