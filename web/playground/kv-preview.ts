import { policyKind } from '../../gpu/kv/policies/policies.ts';
import { kvBytesPerTokenUnder, kvBytesUnder } from '../../gpu/kv/policies/usage.ts';
import { plainKvBytesPerToken } from '../../gpu/kv/usage.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { kvOwners, type Sharing } from '../../gpu/plan/sharing.ts';
import { policyOfSettings } from '../../worker/settings/policy-request.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';
import { kvFraction, type KeptOfContext, type KvFraction } from '../ui/kv-fraction.ts';
import { kernelFilesOf } from './kernel-files.ts';
import type { Playground } from './playground.svelte.ts';

/** What the plan costs, computed by formula before anything runs. */
export interface KvPreview {
  readonly owners: number;
  readonly layerCount: number;
  readonly fraction: KvFraction;
  /** Null until the model's dimensions are known, and if the policy has a mistake. */
  readonly bytesPerToken: number | null;
}

/** The KV figures of the plan while it is edited; null if it has a mistake, or if the number of layers is unknown. */
export function previewKv(
  page: Pick<Playground, 'plan' | 'policy' | 'config' | 'facts' | 'factsOf' | 'models'>,
): KvPreview | null {
  const { plan, policy, config, facts } = page;
  const fraction = plan?.ok ? kvFractionOf(config, page) : null;
  if (!plan?.ok || !fraction) return null;
  const layers = plan.value;
  const sharing = { layers, windowTokens: config.slidingWindow ?? Infinity, forceNodiag: config.forceNodiag };
  return {
    owners: kvOwners(layers).length,
    layerCount: layers.length,
    fraction,
    bytesPerToken: facts && policy && kvBytesPerTokenUnder(policy, sharing, facts.dims, config.kvPrecision),
  };
}

/** The one KV number of a configuration; null if its plan has a mistake. */
export function kvFractionOf(
  config: Readonly<PlaygroundConfig>,
  page: Pick<Playground, 'factsOf' | 'models'>,
): KvFraction | null {
  const plan = parseLayerTypes(config.layerTypes, config.layerTypes.split('_').length);
  if (!plan.ok) return null;
  const sharing = {
    layers: plan.value,
    windowTokens: config.slidingWindow ?? Infinity,
    forceNodiag: config.forceNodiag,
  };
  const measured = page.models.find(({ id }) => id === config.model)?.measured;
  const dims = page.factsOf(config.model)?.dims ?? null;
  const contextTokens = dims?.contextTokens ?? measured?.contextTokens ?? null;
  const { chosen } = kernelFilesOf(config, page);
  return kvFraction(
    sharing,
    contextTokens,
    keptOfContext(config, sharing, dims, contextTokens, chosen?.rank),
  );
}

/** What the policy leaves once the model's full context has been read; null without a policy. */
function keptOfContext(
  config: Readonly<PlaygroundConfig>,
  sharing: Sharing,
  dims: ModelDims | null,
  contextTokens: number | null,
  kernelRank = 0,
): KeptOfContext | null {
  const tokens = contextTokens ?? 1;
  const completed = policyOfSettings(config, {
    contextTokens: tokens,
    maxNewTokens: config.maxNewTokens ?? 1,
  });
  if (!completed.ok) return null;
  const { policy } = completed;
  const budget = policyKind(policy.id).budget(policy, tokens);
  if (!budget) return null;
  if (!dims) return { budget, bytes: null };
  const precision = config.kvPrecision;
  const plainBytes = plainKvBytesPerToken(dims, precision) * tokens;
  return { budget, bytes: kvBytesUnder(policy, kernelRank, sharing, dims, precision, tokens) / plainBytes };
}
