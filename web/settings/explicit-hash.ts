import { belongsToRun, type SettingValue } from '../../worker/settings/setting.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { keysWhere } from '../../worker/settings/values.ts';
import { BUILD, escapeValue, fittingFields, HASH_VERSION, omissions } from './hash.ts';

/**
 * The part of an address after `#` that names every setting of a run, defaults too, so that it means the same under
 * other defaults. A value of null is not known, and left out.
 *
 * @param build of the page that ran it; null if it is not known, or does not matter
 */
export function explicitHash(
  values: Readonly<Partial<Record<SettingKey, SettingValue>>>,
  build: string | null,
  table = settings,
): string {
  const keys = keysWhere(belongsToRun, table).filter((key) => (values[key] ?? null) !== null);
  const { parts, omitted } = fittingFields(keys, values, table);
  const made = build === null ? [] : [`${BUILD}=${escapeValue(build)}`];
  return [`v=${HASH_VERSION}`, ...parts, ...omissions(omitted, table), ...made].join('&');
}
