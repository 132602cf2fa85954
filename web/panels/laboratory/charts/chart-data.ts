import type { Experiment, Row } from '../../../../worker/laboratory/experiment.ts';
import type { ItemRecord } from '../../../../worker/laboratory/records.ts';
import type { Figure, FigureColumn, Summary } from '../../../../worker/laboratory/summary.ts';

/** What a chart is made of. */
export interface ChartData {
  readonly experiment: Experiment;
  readonly summary: Summary;
  readonly records: readonly ItemRecord[];
  /** A short name of each row: what it alone has, or its number. */
  readonly names: readonly string[];
}

const LONGEST_NAME = 18;
const MOST_NAMED = 12;

/** What tells rows apart, without what all of them begin with; the number of the row if that is long or not unique. */
export function shortNames(labels: readonly string[]): readonly string[] {
  const [first = ''] = labels;
  let common = 0;
  while (common < first.length && labels.every((label) => label[common] === first[common])) common++;
  const cut = Math.max(first.lastIndexOf(' ', common - 1), first.lastIndexOf('-', common - 1)) + 1;
  const names = labels.map((label) => label.slice(labels.length > 1 ? cut : 0));
  const fits =
    labels.length <= MOST_NAMED &&
    new Set(names).size === names.length &&
    names.every((name) => name !== '' && name.length <= LONGEST_NAME);
  return fits ? names : labels.map((_, i) => String(i + 1));
}

/** What a picture has to say of the rows if it only names their numbers. */
export const rowsInWords = (labels: readonly string[], names: readonly string[]): string =>
  names.every((name, i) => name === String(i + 1))
    ? labels.map((label, i) => `${i + 1} ${label}`).join('; ')
    : '';

/** The quality of the rows: the first figure of these that was measured. */
const qualities = ['bits per byte', 'accuracy', 'perplexity', 'exact', 'contains-all', 'contains-any'];

export const qualityColumns = ({ columns }: Summary): readonly FigureColumn[] =>
  qualities.flatMap((name) => columns.filter((column) => column.name === name));

export const kvColumn = ({ columns }: Summary, measure: string): FigureColumn | undefined =>
  columns.find((column) => column.measure === measure && column.name === 'KV bytes in use') ??
  columns.find(({ name }) => name === 'KV bytes in use');

/** The ends of a figure's error bar; null if they are not known. */
export function rangeOf({ value, standardError, interval }: Figure): readonly [number, number] | null {
  if (interval) return interval;
  return value === null || standardError === null || standardError === 0
    ? null
    : [value - standardError, value + standardError];
}

/** The rows that a policy keeps of each store; null if it keeps all, or if that is not known before it runs. */
export function budgetOf({ policy }: Row): number | null {
  const number = (name: string) => (typeof policy[name] === 'number' ? policy[name] : 0);
  const rows = number('rows') + number('sinks') + number('heavy') + number('recent');
  return policy.id === 'none' || rows === 0 ? null : rows;
}
