import { runFields, type StoredRun } from '../../playground/stored-run.ts';

/** All runs with all fields, for other programs. */
export const runsAsJson = (runs: readonly StoredRun[]): string => `${JSON.stringify(runs, null, 2)}\n`;

/** All runs with all fields, one line per run under a header: RFC 4180, and safe to open in a spreadsheet. */
export function runsAsCsv(runs: readonly StoredRun[]): string {
  const fields = runFields();
  return (
    [fields, ...runs.map((run) => fields.map((field) => run[field]))]
      .map((cells) => cells.map(csvCell).join(','))
      .join('\r\n') + '\r\n'
  );
}

/**
 * One cell; null is an empty one. A text that a spreadsheet would run as a formula gets an apostrophe in front, which
 * spreadsheets do not show. See OWASP, CSV injection.
 */
export function csvCell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const harmless = /^\s*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
