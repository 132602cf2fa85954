import type { LayerType, Parsed } from '../../gpu/plan/layer-types.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { complaintAbout, keysWhere } from '../../worker/settings/values.ts';
import { explain } from '../ui/explain.ts';
import type { PlaygroundConfig } from './settings.ts';
import { words } from './words.ts';

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
  for (const key of keysWhere(() => true, table)) {
    const complaint = complaintAbout(table[key], config[key]);
    if (complaint !== null) problems[key] = complaint;
  }
  if (config.forwardPasses === 0 && config.backwardPasses === 0) {
    problems.backwardPasses = words.noPass;
  }
  if (plan && !plan.ok) {
    problems.layerTypes = explain({ code: 'bad-layer-types', at: plan.at, reason: plan.reason });
  }
  return problems;
}

/** The labels of the settings that have a problem, in the order of the table. */
export const namesOfWrongFields = (problems: Problems, table = settings): readonly string[] =>
  Object.entries(table)
    .filter(([key]) => key in problems)
    .map(([, { label }]) => label);
