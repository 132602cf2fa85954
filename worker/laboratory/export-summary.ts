/** A summary as CSV, Markdown or LaTeX (booktabs). */
import { asCsv, type Cell } from '../csv.ts';
import { isNoise, type Figure, type FigureColumn, type Summary } from './summary.ts';

export const summaryFormats = ['md', 'csv', 'latex'] as const;
/** More would be a number that nobody reads. */
const MOST_DECIMALS = 9;

export type SummaryFormat = (typeof summaryFormats)[number];

export function exportSummary(summary: Summary, format: SummaryFormat): string {
  switch (format) {
    case 'md':
      return markdown(summary);
    case 'csv':
      return csv(summary);
    case 'latex':
      return latex(summary);
    default:
      return format satisfies never;
  }
}

/** Four significant digits; whole numbers from 10,000 on, and powers of ten from a trillion on. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  if (Math.abs(value) >= 1e12) return value.toExponential(3);
  if (Math.abs(value) >= 10_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(4)));
}

/** A number and its error, both down to the second digit of the error: `0.4667 ± 0.0650` says no more than is known. */
export function withError(value: number, error: number): string {
  const decimals = error > 0 && Number.isFinite(error) ? 1 - Math.floor(Math.log10(error)) : -1;
  if (decimals < 0 || decimals > MOST_DECIMALS) return `${shortNumber(value)} ± ${shortNumber(error)}`;
  return `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`;
}

/** `0.467 ± 0.065 (≈ +0.010 ± 0.021)`: the value, its error or interval, and the difference from the baseline. */
export function figureText(column: FigureColumn, figure: Figure): string {
  const { value, standardError: error, interval, difference } = figure;
  if (value === null) return '–';
  const ends = interval ? ` [${shortNumber(interval[0])}, ${shortNumber(interval[1])}]` : '';
  const known = interval || error === null ? shortNumber(value) : withError(value, error);
  return `${known}${ends}${difference ? ` (${differenceText(column, figure)})` : ''}`;
}

/** The difference with its sign and error, in percent if it is relative; with ≈ if it lies inside the noise. */
export function differenceText({ relative }: FigureColumn, figure: Figure): string {
  const { difference } = figure;
  if (!difference) return '';
  const { standardError: error } = difference;
  const value = relative ? Math.round(1000 * difference.value) / 10 : difference.value;
  const sign = value > 0 ? '+' : value < 0 ? '−' : '';
  const size = Math.abs(value);
  const known = error === null ? shortNumber(size) : withError(size, error);
  return `${isNoise(figure) ? '≈ ' : ''}${sign}${known}${relative ? ' %' : ''}`;
}

const titleOf = ({ measure, name, unit }: FigureColumn) =>
  `${measure}: ${name}${unit === '' ? '' : `, ${unit}`}`;

function tableOf(
  { rows, columns }: Summary,
  cell: (column: FigureColumn, figure: Figure) => string,
): readonly (readonly string[])[] {
  return [
    ['row', ...columns.map(titleOf)],
    ...rows.map((label, row) => [
      label,
      ...columns.map((column) => {
        const figure = column.figures[row];
        return figure ? cell(column, figure) : '–';
      }),
    ]),
  ];
}

function markdown(summary: Summary): string {
  const [head = [], ...rows] = tableOf(summary, figureText);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  const table = `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
  const notes = noteLines(summary);
  return notes.length === 0 ? table : `${table}\n${notes.map((note) => `- ${note}\n`).join('')}`;
}

/** What is to be said of rows below a table. */
const noteLines = ({ rows, notes }: Summary): readonly string[] =>
  notes.flatMap((ofRow, row) => ofRow.map((note) => `${rows[row] ?? ''}: ${note}`.replaceAll(/[\n|]/g, ' ')));

/** One line for each figure, with full digits. */
function csv({ rows, notes, columns }: Summary): string {
  const noted = notes.some((ofRow) => ofRow.length > 0);
  const head = [
    ...['row', 'measure', 'figure', 'unit', 'value', 'standard_error', 'low', 'high', 'items'],
    ...['difference', 'difference_error', 'p', 'p_corrected', 'noise', 'difference_is_relative'],
    ...(noted ? ['note'] : []),
  ];
  const lines = rows.flatMap((label, row) =>
    columns.flatMap(({ measure, name, unit, relative, figures }): Cell[][] => {
      const figure = figures[row];
      if (!figure) return [];
      const { value, standardError: error, interval, items, difference } = figure;
      const [low, high] = interval ?? [null, null];
      return [
        [
          ...[label, measure, name, unit, value, error, low, high, items],
          ...[difference?.value ?? null, difference?.standardError ?? null, difference?.p ?? null],
          ...[difference?.corrected ?? null, difference ? isNoise(figure) : null],
          difference ? relative : null,
          ...(noted ? [(notes[row] ?? []).join(' ')] : []),
        ],
      ];
    }),
  );
  return asCsv([head, ...lines]);
}

const texNames: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  '≈': '$\\approx$',
  '−': '$-$',
  '–': '--',
  '·': '$\\cdot$',
};

const tex = (text: string) => text.replace(/[\\~^±≈−–·&%$#_{}]/g, (char) => texNames[char] ?? `\\${char}`);

function latex(summary: Summary): string {
  const [head = [], ...rows] = tableOf(summary, figureText);
  const line = (cells: readonly string[]) => `${cells.map(tex).join(' & ')} \\\\`;
  return `\\begin{tabular}{l${'r'.repeat(head.length - 1)}}
\\toprule
${line(head)}
\\midrule
${rows.map(line).join('\n')}
\\bottomrule
\\end{tabular}
${noteLines(summary)
  .map((note) => `\n${tex(note)}\n`)
  .join('')}`;
}
