import { belongsToRun, type Setting, type SettingValue } from '../../worker/settings/setting.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { keysWhere } from '../../worker/settings/values.ts';
import { BUILD, HASH_VERSION, LONGEST_LINK, OMITS, RESERVED, escapeValue } from './hash.ts';

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
  const parts = [`v=${HASH_VERSION}`];
  const omitted: string[] = [];
  let room = LONGEST_LINK - RESERVED;
  for (const key of keysWhere(belongsToRun, table)) {
    const row: Setting = table[key];
    const value = values[key] ?? null;
    if (value === null) continue;
    const tooLong = row.kind === 'text' && String(value).length > row.longest;
    const text = tooLong ? '' : escapeValue(String(value));
    if (tooLong || text.length > room) {
      omitted.push(row.link);
    } else {
      parts.push(`${row.link}=${text}`);
      room -= text.length;
    }
  }
  if (omitted.length > 0) parts.push(`${OMITS}=${omitted.join()}`);
  if (build !== null) parts.push(`${BUILD}=${escapeValue(build)}`);
  return parts.join('&');
}
