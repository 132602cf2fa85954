import type { LayerType, Parsed } from '../../gpu/plan/layer-types.ts';
import { SMALLEST_TEMPERATURE } from '../../gpu/plan/sampling.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { complaintAbout, keysWhere } from '../../worker/settings/values.ts';
import { policyOfSettings } from '../../worker/settings/policy-request.ts';
import { policyKeyOf } from '../../worker/settings/policy-settings.ts';
import { applies } from '../../worker/settings/words.ts';
import { badLayerTypes } from '../ui/bad-layer-types.ts';
import type { PlaygroundConfig } from './settings.ts';
import { words } from './words.ts';

/** Which fields of a policy go together does not depend on it. */
const ANY_CONTEXT = { contextTokens: 1, maxNewTokens: 1 };

/** What is wrong with a configuration, by setting, in words. Empty if it can run. */
export type Problems = Partial<Record<SettingKey, string>>;

/**
 * Finds every setting that keeps a configuration from running.
 *
 * @param plan the configuration's `layerTypes`, parsed; null while the number of layers is not known
 */
export function checkConfig(
  config: Readonly<PlaygroundConfig>,
  plan: Parsed<readonly LayerType[]> | null,
  table = settings,
): Problems {
  const problems: Problems = {};
  // What a hidden field holds is not used.
  for (const key of keysWhere((row) => applies(row, config), table)) {
    const complaint = complaintAbout(table[key], config[key]);
    if (complaint !== null) problems[key] = complaint;
  }
  if (config.forwardPasses === 0 && config.backwardPasses === 0) {
    problems.backwardPasses = words.noPass;
  }
  const { continuations, temperature, topK, topP, minP } = config;
  const isGreedy = (temperature ?? 0) < SMALLEST_TEMPERATURE || topK === 1 || topP === 0 || minP === 1;
  if ((continuations ?? 1) > 1 && isGreedy) problems.continuations ??= words.allEqual(continuations ?? 1);
  const policy = policyOfSettings(config, ANY_CONTEXT);
  if (!policy.ok) {
    const key = policy.field === 'positions' ? 'policyPositions' : policyKeyOf(policy.field);
    problems[key] ??= words.sentence(policy.reason);
  }
  if (plan && !plan.ok) problems.layerTypes = badLayerTypes(plan);
  return problems;
}

/** The labels of the settings that have a problem, in the order of the table. */
export const namesOfWrongFields = (problems: Problems, table = settings): readonly string[] =>
  Object.entries(table)
    .filter(([key]) => key in problems)
    .map(([, { label }]) => label);
