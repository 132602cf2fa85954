import type { SessionOptions } from '../../gpu/backend.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { Policy, PolicyContext } from '../../gpu/kv/policies/policy.ts';
import { HostileFields } from '../hostile-fields.ts';
import type { PolicyRequest } from '../protocol/generate.ts';

/**
 * The policy that a request asks for. What there is to know of policies is loaded only if it asks for one.
 *
 * @throws Refused with `bad-request`, naming the field
 */
export async function policyOf(request: PolicyRequest, context: PolicyContext): Promise<Policy> {
  if (request.id === 'none' && Object.keys(request).length === 1) return keepEverything;
  const { readPolicy } = await import('./read-policy.ts');
  return readPolicy(new HostileFields(request, 'bad-request', 'policy'), context);
}

/**
 * What a session must know of a policy; nothing if it keeps everything.
 *
 * @param scored       whether scores are wanted even if the policy decides without them
 * @param promptTokens the longest text at the end of a prompt
 */
export const evictionOf = (
  policy: Policy,
  scored: boolean,
  promptTokens: number,
): Pick<SessionOptions, 'eviction'> =>
  policy.id === 'none' ? {} : { eviction: { policy, scored, promptTokens } };

/** A prompt in the pieces that a policy reads it in. */
export function piecesOf(tokens: readonly number[], { chunk }: Policy): readonly (readonly number[])[] {
  if (chunk === null) return [tokens];
  return Array.from({ length: Math.ceil(tokens.length / chunk) }, (_, i) =>
    tokens.slice(i * chunk, (i + 1) * chunk),
  );
}
