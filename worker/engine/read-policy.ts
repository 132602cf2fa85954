import { completeLess, completePolicy, type GivenPolicy } from '../../gpu/kv/policies/complete-policy.ts';
import type { PolicyNumber } from '../../gpu/kv/policies/fields.ts';
import { less, sparseKinds } from '../../gpu/kv/policies/less.ts';
import { policyKinds } from '../../gpu/kv/policies/policies.ts';
import type { Policy, PolicyContext, PolicyKind, PolicyPositions } from '../../gpu/kv/policies/policy.ts';
import type { HostileFields } from '../hostile-fields.ts';

/**
 * Reads a cache policy, as docs/policies.md defines it, with the defaults of its kind for fields that are left out.
 *
 * @throws Refused with `bad-request`, naming the field
 */
export function readPolicy(fields: HostileFields, context: PolicyContext): Policy {
  const kind = readKind(fields, policyKinds);
  if (kind.id === less.id) return readLess(fields, context);
  const completed = completePolicy(kind, readGiven(fields, kind, kind.positions), context);
  return completed.ok ? completed.policy : fields.refuse(completed.field, completed.reason);
}

/** What decides lies in an object of its own. The kernels' file is opened by whoever knows the model. */
function readLess(fields: HostileFields, context: PolicyContext): Policy {
  fields.refuseUnknown(['id', 'sparse', 'kernels', 'chunk']);
  const sparse = fields.inner('sparse');
  if (!sparse) return fields.refuse('sparse', 'the field is missing: an object that says which rows stay');
  const kind = readKind(sparse, sparseKinds);
  const given = readGiven(sparse, kind, ['absolute']);
  if (fields.has('chunk') && given.numbers.chunk !== undefined) {
    fields.refuse('chunk', 'sparse already has one');
  }
  const numbers = { ...given.numbers, ...(fields.has('chunk') && { chunk: fields.number('chunk') }) };
  const completed = completeLess(kind, fields.text('kernels'), { ...given, numbers }, context);
  if (completed.ok) return completed.policy;
  const blamed = completed.field === 'chunk' && fields.has('chunk') ? fields : sparse;
  return blamed.refuse(completed.field, completed.reason);
}

function readKind(fields: HostileFields, kinds: readonly PolicyKind[]): PolicyKind {
  const id = fields.text('id');
  const kind = kinds.find((each) => each.id === id);
  if (kind) return kind;
  return fields.refuse('id', `${JSON.stringify(id)} is none of ${kinds.map((each) => each.id).join(', ')}`);
}

/** @param allowed the positions that the policy may have here */
function readGiven(
  fields: HostileFields,
  kind: PolicyKind,
  allowed: readonly PolicyPositions[],
): GivenPolicy {
  const hasPositions = kind.positions.length > 1;
  const numberNames = [...kind.fields, 'chunk'] as const;
  fields.refuseUnknown(['id', ...kind.fields, ...(hasPositions ? ['positions'] : []), 'chunk']);

  const numbers: Partial<Record<PolicyNumber, number>> = {};
  for (const name of numberNames) {
    if (fields.has(name)) numbers[name] = fields.number(name);
  }
  const positions = fields.has('positions') ? fields.choice('positions', allowed, 'absolute') : null;
  return { numbers, positions };
}
