export type Cell = string | number | boolean | null;

/** A table, its header first: RFC 4180, and safe to open in a spreadsheet. */
export const asCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((cells) => cells.map(csvCell).join(',') + '\r\n').join('');

/** What a formula begins with, also in the wide and small forms that East Asian spreadsheets read as the same. */
const FORMULA = '[=+\\-@＝＋－＠﹦﹢﹣﹫−]';
/** What a person does not see in front of it: spaces, controls, and formats such as a zero-width space. */
const UNSEEN = '(?:(?![\\t\\r\\n])[\\s\\p{C}\\p{Default_Ignorable_Code_Point}])*';

/**
 * Where a cell would run. In some countries, spreadsheets split cells at `;`, and pasted text is split at tabs: so what
 * stands behind them, and at the beginning of a line, may begin a cell too.
 */
const runs = new RegExp(`(^|[;\\t\\r\\n])(?=${UNSEEN}${FORMULA})`, 'gu');
const SPLITS_AT_ONCE = /^(?=[;\t\r\n])/;

/**
 * One cell, quoted; null is an empty one. Where a spreadsheet might run a text as a formula, it gets an apostrophe, which
 * spreadsheets do not show at the front. Numbers, negative ones too, stay numbers. See OWASP, CSV injection.
 */
export function csvCell(value: Cell): string {
  const text =
    typeof value === 'string' ? value.replace(runs, "$&'").replace(SPLITS_AT_ONCE, "'") : String(value ?? '');
  return `"${text.replaceAll('"', '""')}"`;
}
