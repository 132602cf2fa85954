import { numberComplaint } from './number-complaint.ts';
import type { Setting, SettingPart, SettingValue } from './setting.ts';
import { settings, type KeysOfPart, type SettingKey, type Settings, type SettingValues } from './settings.ts';

/** The keys of those rows for which `takes` is true, in the order of the table. */
export const keysWhere = (takes: (row: Setting) => boolean, table: Settings = settings): SettingKey[] =>
  (Object.keys(table) as SettingKey[]).filter((key) => takes(table[key])); // Object.keys forgets the table's type

/** What the page opens with. */
export const initialValues = (table: Settings = settings): SettingValues =>
  Object.fromEntries(
    Object.entries(table).map(([key, { initial }]) => [key, initial]),
  ) as unknown as SettingValues; // entries forget which value belongs to which key

/** What a link that sets something means where it says nothing. */
export const unnamedValues = (table: Settings = settings): SettingValues =>
  Object.fromEntries(
    (Object.entries(table) as [string, Setting][]).map(([key, row]) => [key, row.whenUnnamed ?? row.initial]),
  ) as unknown as SettingValues; // as above

export const valuesOf = <Key extends SettingKey>(
  keys: readonly Key[],
  values: Readonly<SettingValues>,
): Pick<SettingValues, Key> =>
  Object.fromEntries(keys.map((key) => [key, values[key]])) as Pick<SettingValues, Key>; // as above

/** The settings of a part of a request. */
export const partOf = <Part extends SettingPart>(
  part: Part,
  values: Readonly<SettingValues>,
  table: Settings = settings,
): Pick<SettingValues, KeysOfPart<Part>> =>
  valuesOf(keysWhere((row) => row.part === part, table) as KeysOfPart<Part>[], values); // keys of that part

/** Settings of which no number is missing. */
export type Filled<Values> = {
  readonly [Key in keyof Values]: Values[Key] extends number | null ? number : Values[Key];
};

/** The same settings, or null if one of the numbers is missing. */
export const filledIn = <Values extends Readonly<Record<string, SettingValue>>>(
  values: Values,
): Filled<Values> | null => (Object.values(values).includes(null) ? null : (values as Filled<Values>)); // checked here

/** Why a row cannot have a value; null if it can. */
export function complaintAbout(row: Setting, value: SettingValue): string | null {
  if (row.kind !== 'number' || (value === null && row.mayBeEmpty)) return null;
  return numberComplaint(typeof value === 'number' ? value : null, row.range);
}
