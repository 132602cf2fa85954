import { policyKind } from '../../gpu/kv/policies/policies.ts';
import type { Budget } from '../../gpu/kv/policies/policy.ts';
import { kvBytesPerToken } from '../../gpu/kv/usage.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import { kvOwners } from '../../gpu/plan/sharing.ts';
import { policyOfSettings } from '../../worker/settings/policy-request.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';
import { kvFraction, type KvFraction } from '../ui/kv-fraction.ts';
import type { Playground } from './playground.svelte.ts';

/** What the plan costs, computed by formula before anything runs. */
export interface KvPreview {
  readonly owners: number;
  readonly layerCount: number;
  readonly fraction: KvFraction;
  /** Null until the model's dimensions are known. */
  readonly bytesPerToken: number | null;
}

/** The KV figures of the plan while it is edited; null if it has a mistake, or if the number of layers is unknown. */
export function previewKv(page: Pick<Playground, 'plan' | 'config' | 'facts' | 'models'>): KvPreview | null {
  const { plan, config, facts } = page;
  const fraction = plan?.ok ? kvFractionOf(config, page) : null;
  if (!plan?.ok || !fraction) return null;
  const layers = plan.value;
  const sharing = { layers, windowTokens: config.slidingWindow ?? Infinity, forceNodiag: config.forceNodiag };
  return {
    owners: kvOwners(layers).length,
    layerCount: layers.length,
    fraction,
    bytesPerToken: facts && kvBytesPerToken(sharing, facts.dims, config.kvPrecision),
  };
}

/** The one KV number of a configuration; null if its plan has a mistake. */
export function kvFractionOf(
  config: Readonly<PlaygroundConfig>,
  { facts, models }: Pick<Playground, 'facts' | 'models'>,
): KvFraction | null {
  const plan = parseLayerTypes(config.layerTypes, config.layerTypes.split('_').length);
  if (!plan.ok) return null;
  const measured = models.find(({ id }) => id === config.model)?.measured;
  const known = facts?.id === config.model ? facts.dims.contextTokens : null;
  const contextTokens = known ?? measured?.contextTokens ?? null;
  const sharing = { layers: plan.value, windowTokens: config.slidingWindow ?? Infinity };
  return kvFraction(sharing, contextTokens, budgetOf(config, contextTokens));
}

/** What the policy leaves in a cache once the model's full context has been read; null without a policy. */
function budgetOf(config: Readonly<PlaygroundConfig>, contextTokens: number | null): Budget | null {
  const tokens = contextTokens ?? 1;
  const completed = policyOfSettings(config, {
    contextTokens: tokens,
    maxNewTokens: config.maxNewTokens ?? 1,
  });
  if (!completed.ok) return null;
  return policyKind(completed.policy.id).budget(completed.policy, tokens);
}
