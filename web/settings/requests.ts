import { settings } from '../../worker/settings/settings.ts';
import { filledIn, partOf } from '../../worker/settings/values.ts';
import { policyRequestOf } from '../../worker/settings/policy-request.ts';
import type { GenerateRequest } from '../../worker/protocol/generate.ts';
import type { BroughtModel, LoadRequest, SharingConfig } from '../../worker/protocol/load.ts';
import type { PlaygroundConfig } from './settings.ts';

/** The model that a configuration asks for, and how it is loaded. */
export const toLoadRequest = (
  config: Readonly<PlaygroundConfig>,
  brought: ReadonlyMap<string, BroughtModel>,
  table = settings,
): LoadRequest => ({
  model: brought.get(config.model) ?? config.model,
  ...partOf('load', config, table),
});

/** Whether two requests load the same model in the same way. A brought model is an object that is made once. */
export const isSameLoad = (
  { model: a, ...some }: LoadRequest,
  { model: b, ...others }: LoadRequest,
): boolean => a === b && JSON.stringify(some) === JSON.stringify(others);

/** The sharing that a configuration asks for, or null if one of its numbers is missing. */
export function toSharingConfig(config: Readonly<PlaygroundConfig>, table = settings): SharingConfig | null {
  const sharing = filledIn(partOf('sharing', config, table));
  return sharing && { ...sharing, layerTypes: sharing.layerTypes.trim() };
}

/** The run that a configuration asks for, or null if one of its numbers is missing. */
export function toGenerateRequest(
  config: Readonly<PlaygroundConfig>,
  table = settings,
): GenerateRequest | null {
  const sharing = toSharingConfig(config, table);
  const run = filledIn(partOf('run', config, table));
  const sampling = filledIn(partOf('sampling', config, table));
  if (!sharing || !run || !sampling) return null;
  return {
    ...run,
    input: { text: config.prompt },
    config: sharing,
    sampling,
    policy: policyRequestOf(config),
    ignoreEos: false,
    logits: [],
    score: false,
  };
}
