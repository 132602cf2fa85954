import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { describeSettings } from '../../worker/settings/words.ts';
import type { Panel } from '../panels/panels.ts';
import { namesOfWrongFields, type Problems } from '../settings/checks.ts';
import type { PlaygroundConfig } from '../settings/settings.ts';

/** What is set in a panel of settings, in one line. */
export function stageSummary({ tells, hint }: Panel, config: Readonly<PlaygroundConfig>): string {
  if (tells === 'hint') return hint;
  if (tells === 'model') return config.model;
  const set = describeSettings(config, ({ form }) => form === tells);
  return tells === 'sharing' ? `${config.layerTypes}, ${set}` : set;
}

/** The labels of the settings in a panel that have a problem. */
export const wrongFieldsIn = ({ tells }: Panel, problems: Problems): readonly string[] => {
  const inside = (key: SettingKey) =>
    settings[key].form === tells || (tells === 'sharing' && ['layerTypes', 'budgetMib'].includes(key));
  const own = Object.entries(problems).filter(([key]) => inside(key as SettingKey)); // keys of `Problems`
  return namesOfWrongFields(Object.fromEntries(own));
};
