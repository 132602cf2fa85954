import { outsideRange } from '../../plan/number-range.ts';
import { rowsOfBudget } from './cut.ts';
import { MOST_ROWS, policyNumbers, type PolicyNumber } from './fields.ts';
import { keepEverything } from './keep-everything.ts';
import { insideLess, less } from './less.ts';
import type { Policy, PolicyContext, PolicyField, PolicyKind, PolicyPositions } from './policy.ts';

/** What somebody asks of a kind of policy. Numbers that are left out have the defaults of the kind. */
export interface GivenPolicy {
  readonly numbers: Readonly<Partial<Record<PolicyNumber, number>>>;
  /** Null for the default of the kind. */
  readonly positions: PolicyPositions | null;
}

/** A whole policy, or the first field that cannot be as it was given. */
export type CompletedPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly field: PolicyNumber | 'positions'; readonly reason: string };

/** Rows that a percentage of the budget would give as well. */
const byPercent: Partial<Record<PolicyField, readonly PolicyField[]>> = {
  cachePercent: ['recent', 'heavy', 'rows'],
  recentPercent: ['recent', 'heavy'],
};

/** The numbers that a form offers for a kind of policy. To read a prompt in chunks is of use only if they are cut. */
export const numbersOf = ({ id, fields }: PolicyKind): readonly PolicyNumber[] =>
  id === keepEverything.id ? [] : [...fields, 'chunk'];

/** Completes a policy with the defaults of its kind (docs/policies.md, "Policies"), and checks it. */
export function completePolicy(
  kind: PolicyKind,
  { numbers, positions }: GivenPolicy,
  context: PolicyContext,
): CompletedPolicy {
  const refuse = (field: PolicyNumber | 'positions', reason: string) =>
    ({ ok: false, field, reason }) as const;
  for (const name of [...kind.fields, 'chunk'] as const) {
    const value = numbers[name];
    const outside = value === undefined ? null : outsideRange(value, policyNumbers[name].range);
    if (outside !== null) return refuse(name, `${String(value)} is ${outside}`);
  }
  for (const name of kind.fields) {
    const other = byPercent[name]?.find((rows) => numbers[rows] !== undefined);
    if (numbers[name] !== undefined && other !== undefined) {
      return refuse(other, 'a percentage already says how many rows there are; leave out one of them');
    }
  }
  if (positions !== null && !kind.positions.includes(positions)) {
    return refuse('positions', `"${positions}" is none of ${kind.positions.join(', ')}`);
  }
  const { chunk = null, ...rows } = numbers;
  const policy: Policy = {
    ...keepEverything,
    ...kind.defaults(context),
    // A percentage stands in place of the default rows.
    ...(rows.cachePercent !== undefined && { recent: null, heavy: null, rows: null }),
    ...rows,
    id: kind.id,
    positions: positions ?? kind.positions[0] ?? 'absolute',
    chunk,
  };
  if (kind.fields.includes('tauInit') && policy.tauInit === 0) {
    return refuse('tauInit', 'a softmax divides by it, so it must be above 0');
  }
  const changesWithText =
    rowsOfBudget(kind.budget(policy, 1)) !== rowsOfBudget(kind.budget(policy, MOST_ROWS));
  if (chunk !== null && changesWithText) {
    return refuse(
      'chunk',
      'a percentage is taken of the whole prompt, so it cannot be read in chunks; give numbers of rows',
    );
  }
  return { ok: true, policy };
}

/** Completes LESS over another kind, which has the numbers. */
export function completeLess(
  sparse: PolicyKind,
  kernels: string,
  given: GivenPolicy,
  context: PolicyContext,
): CompletedPolicy {
  const { cachePercent, recentPercent } = given.numbers;
  const byPercent = cachePercent !== undefined || recentPercent !== undefined;
  const completed = completePolicy(insideLess(sparse, byPercent), given, context);
  if (!completed.ok) return completed;
  return { ok: true, policy: { ...completed.policy, id: less.id, sparse: sparse.id, kernels } };
}
