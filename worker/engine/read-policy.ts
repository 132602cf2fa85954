import { completePolicy } from '../../gpu/kv/policies/complete-policy.ts';
import type { PolicyNumber } from '../../gpu/kv/policies/fields.ts';
import { policyKinds } from '../../gpu/kv/policies/policies.ts';
import type { Policy, PolicyContext, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import type { HostileFields } from '../hostile-fields.ts';

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
  const numberNames = [...kind.fields, 'chunk'] as const;
  fields.refuseUnknown(['id', ...kind.fields, ...(hasPositions ? ['positions'] : []), 'chunk']);

  const numbers: Partial<Record<PolicyNumber, number>> = {};
  for (const name of numberNames) {
    if (fields.has(name)) numbers[name] = fields.number(name);
  }
  const positions = fields.has('positions')
    ? fields.choice<PolicyPositions>('positions', kind.positions, 'absolute')
    : null;
  const completed = completePolicy(kind, { numbers, positions }, context);
  return completed.ok ? completed.policy : fields.refuse(completed.field, completed.reason);
}
