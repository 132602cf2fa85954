import {
  completeLess,
  completePolicy,
  numbersOf,
  type CompletedPolicy,
  type GivenPolicy,
} from '../../gpu/kv/policies/complete-policy.ts';
import { policyNumberNames, type PolicyNumber } from '../../gpu/kv/policies/fields.ts';
import { less } from '../../gpu/kv/policies/less.ts';
import { policyKind } from '../../gpu/kv/policies/policies.ts';
import type { PolicyContext, PolicyKind } from '../../gpu/kv/policies/policy.ts';
import type { PolicyRequest } from '../protocol/generate.ts';
import { numbersThatCount } from './numbers-that-count.ts';
import { policyKeyOf } from './policy-settings.ts';
import type { KeysOfPart, SettingValues } from './settings.ts';

/** The settings of a cache policy. */
export type PolicyValues = Readonly<Pick<SettingValues, KeysOfPart<'policy'>>>;

/** The kind whose numbers count: under LESS that which decides for it. */
const decidingKindOf = ({ policy, policySparse }: PolicyValues): PolicyKind =>
  policyKind(policy === less.id ? policySparse : policy);

/** What the settings ask of their policy. Numbers that it does not have stay out, whatever their fields hold. */
function givenTo(kind: PolicyKind, values: PolicyValues): GivenPolicy {
  const numbers: Partial<Record<PolicyNumber, number>> = {};
  for (const name of numbersOf(kind)) {
    const value = values[policyKeyOf(name)];
    if (value !== null) numbers[name] = value;
  }
  const mayChoose = kind.positions.length > 1 && values.policy !== less.id;
  const chosen = mayChoose ? values.policyPositions : 'published';
  return { numbers, positions: chosen === 'published' ? null : chosen };
}

/** The policy that the settings ask for, as a request has it. */
export function policyRequestOf(values: PolicyValues): PolicyRequest {
  const kind = decidingKindOf(values);
  const { numbers, positions } = givenTo(kind, values);
  if (values.policy === less.id) {
    return { id: less.id, sparse: { id: kind.id, ...numbers }, kernels: values.policyKernels };
  }
  return { id: values.policy, ...numbers, ...(positions && { positions }) };
}

/** The policy that the settings ask for with all defaults in place, or the first of its fields that is wrong. */
export const policyOfSettings = (values: PolicyValues, context: PolicyContext): CompletedPolicy => {
  const kind = decidingKindOf(values);
  const given = givenTo(kind, values);
  return values.policy === less.id
    ? completeLess(kind, values.policyKernels, given, context)
    : completePolicy(kind, given, context);
};

/** The same policy with its defaults in place, and nothing in the fields that it does not use. */
export function explicitPolicyValues(values: PolicyValues, context: PolicyContext): PolicyValues {
  const completed = policyOfSettings(values, context);
  if (!completed.ok) return values;
  const { policy } = completed;
  const counting = numbersThatCount(policy);
  const numbers = policyNumberNames.map((name) => [
    policyKeyOf(name),
    counting.includes(name) ? policy[name] : null,
  ]);
  const choice = policyKind(policy.id).positions.length > 1;
  return {
    ...(Object.fromEntries(numbers) as Omit<
      PolicyValues,
      'policy' | 'policySparse' | 'policyKernels' | 'policyPositions'
    >), // every number
    policy: policy.id,
    policySparse: values.policySparse,
    policyKernels: values.policyKernels,
    policyPositions: choice ? policy.positions : 'published',
  };
}
