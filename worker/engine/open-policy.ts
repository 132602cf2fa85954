import type { ModelWeights, SessionOptions } from '../../gpu/backend.ts';
import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import type { LessKernels } from '../../gpu/kv/policies/less-kernels.ts';
import type { Policy, PolicyContext, PolicyOptions } from '../../gpu/kv/policies/policy.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { HostileFields } from '../hostile-fields.ts';
import type { ModelSource } from '../loader/model-source.ts';
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

/** What opening a policy needs of a model. */
interface Model {
  /** Stays the same object for as long as the model is loaded. */
  readonly weights: ModelWeights;
  readonly config: { readonly dims: ModelDims };
  readonly openSource: () => Promise<ModelSource>;
}

/**
 * What a session must know of a policy; nothing if it keeps everything. Under LESS this reads the kernels' file, unless
 * the last run on this model used the same.
 *
 * @param scored       whether scores are wanted even if the policy decides without them
 * @param promptTokens the longest text at the end of a prompt
 * @throws Refused with `bad-request` or `bad-weights` if the kernels do not fit this model and plan
 */
export async function evictionOf(
  model: Model,
  sharing: Sharing,
  policy: Policy,
  { scored, promptTokens }: Pick<PolicyOptions, 'scored' | 'promptTokens'>,
): Promise<Pick<SessionOptions, 'eviction'>> {
  if (policy.id === 'none') return {};
  const eviction = { policy, scored, promptTokens, kernels: null };
  if (policy.kernels === null) return { eviction };
  return { eviction: { ...eviction, kernels: await kernelsFor(model, policy.kernels, sharing) } };
}

/** The kernels that a model's last run used. */
const lastKernels = new WeakMap<ModelWeights, { readonly key: string; readonly kernels: LessKernels }>();

async function kernelsFor(
  { config, weights, openSource }: Model,
  file: string,
  sharing: Sharing,
): Promise<LessKernels> {
  const key = JSON.stringify([file, sharing.layers]);
  const last = lastKernels.get(weights);
  if (last?.key === key) return last.kernels;
  const { loadKernels } = await import('../loader/load-kernels.ts');
  const kernels = await loadKernels(await openSource(), file, sharing, config.dims);
  lastKernels.set(weights, { key, kernels });
  return kernels;
}

/** The most tokens of a piece of {@link piecesOf}. */
export const mostInPiece = (tokens: number, { chunk }: Policy): number => Math.min(tokens, chunk ?? Infinity);

/** A prompt in the pieces that a policy reads it in. */
export function piecesOf(tokens: readonly number[], { chunk }: Policy): readonly (readonly number[])[] {
  if (chunk === null) return [tokens];
  return Array.from({ length: Math.ceil(tokens.length / chunk) }, (_, i) =>
    tokens.slice(i * chunk, (i + 1) * chunk),
  );
}

/**
 * Whether a chunk of one token, after others, is the same as a token that is fed while decoding. Decoding cuts on the
 * device; every chunk reads the scores back. Keyformer's temperature tells the two apart.
 */
export const readsAsDecoding = ({ id, sparse, chunk }: Policy): boolean =>
  chunk === 1 && ![id, sparse].includes('keyformer');
