import type { Setting, SettingValue } from './setting.ts';
import { settings, type SettingKey, type Settings } from './settings.ts';
import { keysWhere } from './values.ts';

/** A setting in words, as "top-k 40" or "backend cpu"; null if there is nothing to say. */
export function wordsFor({ kind, label }: Setting, value: SettingValue | undefined): string | null {
  if (value === null || value === undefined || value === false) return null;
  const name = /^[A-Z][a-z]|^[A-Z]-/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;
  return kind === 'flag' ? name : `${name} ${String(value)}`;
}

/** All settings that `takes` chooses in words, those that do not apply left out. */
export function describeSettings(
  values: Readonly<Partial<Record<SettingKey, SettingValue>>>,
  takes: (row: Setting) => boolean,
  table: Settings = settings,
): string {
  return keysWhere((row) => takes(row) && applies(row, values), table)
    .flatMap((key) => wordsFor(table[key], values[key]) ?? [])
    .join(', ');
}

/** Whether a setting means anything beside the others. */
export const applies = (
  { shownIf }: Setting,
  values: Readonly<Partial<Record<string, SettingValue>>>,
): boolean =>
  shownIf === null ||
  shownIf.some((condition) =>
    Object.entries(condition).every(([setting, allowed]) => allowed.includes(String(values[setting]))),
  );
