import { rowsOfBudget } from '../../gpu/kv/policies/cut.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { policyKinds } from '../../gpu/kv/policies/policies.ts';
import type { Policy, PolicyContext, PolicyField, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import type { HostileFields } from '../hostile-fields.ts';

const MOST = 10_000_000;

/** What each number may be. */
const ranges: Readonly<Record<PolicyField | 'chunk', { min: number; max: number; whole: boolean }>> = {
  sinks: { min: 0, max: MOST, whole: true },
  recent: { min: 1, max: MOST, whole: true },
  heavy: { min: 0, max: MOST, whole: true },
  rows: { min: 1, max: MOST, whole: true },
  cachePercent: { min: 0, max: 100, whole: false },
  recentPercent: { min: 0, max: 100, whole: false },
  tauInit: { min: 0, max: 1000, whole: false },
  tauDelta: { min: 0, max: 1000, whole: false },
  seed: { min: 0, max: 2 ** 32 - 1, whole: true },
  chunk: { min: 1, max: MOST, whole: true },
};

/** Rows that a percentage of the budget would give as well. */
const byPercent: Partial<Record<PolicyField, readonly PolicyField[]>> = {
  cachePercent: ['recent', 'heavy', 'rows'],
  recentPercent: ['recent', 'heavy'],
};

/**
 * Reads a cache policy, as docs/policies.md defines it, with the defaults of its kind for fields that are left out.
 *
 * @throws Refused with `bad-request`, naming the field
 */
export function readPolicy(fields: HostileFields, context: PolicyContext): Policy {
  const ids = policyKinds.map(({ id }) => id);
  const id = fields.text('id');
  const kind = policyKinds.find((each) => each.id === id);
  if (!kind) return fields.refuse('id', `${JSON.stringify(id)} is none of ${ids.join(', ')}`);
  const hasPositions = kind.positions.length > 1;
  fields.refuseUnknown(['id', ...kind.fields, ...(hasPositions ? ['positions'] : []), 'chunk']);

  const given: Partial<Record<PolicyField, number>> = {};
  for (const name of kind.fields) {
    if (fields.has(name)) given[name] = inRange(fields, name);
  }
  for (const name of kind.fields) {
    const other = byPercent[name]?.find((rows) => given[rows] !== undefined);
    if (given[name] !== undefined && other !== undefined) {
      fields.refuse(other, `${name} already says how many rows there are; leave out one of them`);
    }
  }
  const chunk = fields.has('chunk') ? inRange(fields, 'chunk') : null;
  const defaults = kind.defaults(context);
  const policy: Policy = {
    ...keepEverything,
    ...defaults,
    // A percentage stands in place of the default rows.
    ...(given.cachePercent !== undefined && { recent: null, heavy: null, rows: null }),
    ...given,
    id,
    positions: hasPositions
      ? fields.choice<PolicyPositions>('positions', kind.positions, kind.positions[0] ?? 'absolute')
      : (kind.positions[0] ?? 'absolute'),
    chunk,
  };
  if (kind.fields.includes('tauInit') && policy.tauInit === 0) {
    fields.refuse('tauInit', 'a softmax divides by it, so it must be above 0');
  }
  const changesWithText = rowsOfBudget(kind.budget(policy, 1)) !== rowsOfBudget(kind.budget(policy, MOST));
  if (chunk !== null && changesWithText) {
    fields.refuse('chunk', 'a percentage is taken of the whole prompt, so it cannot be read in chunks');
  }
  return policy;
}

function inRange(fields: HostileFields, name: PolicyField | 'chunk'): number {
  const { min, max, whole } = ranges[name];
  if (whole) return fields.whole(name, { min, max });
  const value = fields.number(name);
  if (value < min) fields.refuse(name, `${value} is below ${min}`);
  if (value > max) fields.refuse(name, `${value} is above ${max}`);
  return value;
}
