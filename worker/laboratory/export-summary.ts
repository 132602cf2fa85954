/** A summary as CSV, Markdown or LaTeX (booktabs). */
import { asCsv, type Cell } from '../csv.ts';
import { isNoise, type Figure, type FigureColumn, type Summary } from './summary.ts';

export const summaryFormats = ['md', 'csv', 'latex'] as const;
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

/** `0.4667 ± 0.065 (≈ +0.01)`: the value, its error or interval, and the difference from the baseline. */
export function figureText(figure: Figure): string {
  const { value, standardError: error, interval, difference } = figure;
  if (value === null) return '–';
  const spread = interval
    ? ` [${shortNumber(interval[0])}, ${shortNumber(interval[1])}]`
    : error === null
      ? ''
      : ` ± ${shortNumber(error)}`;
  return `${shortNumber(value)}${spread}${difference ? ` (${differenceText(figure)})` : ''}`;
}

/** The difference with its sign and error; with ≈ if it lies inside the noise. */
export function differenceText(figure: Figure): string {
  const { difference } = figure;
  if (!difference) return '';
  const { value, standardError: error } = difference;
  const sign = value > 0 ? '+' : value < 0 ? '−' : '';
  const spread = error === null ? '' : ` ± ${shortNumber(error)}`;
  return `${isNoise(figure) ? '≈ ' : ''}${sign}${shortNumber(Math.abs(value))}${spread}`;
}

const titleOf = ({ measure, name, unit }: FigureColumn) =>
  `${measure}: ${name}${unit === '' ? '' : `, ${unit}`}`;

function tableOf(
  { rows, columns }: Summary,
  cell: (figure: Figure) => string,
): readonly (readonly string[])[] {
  return [
    ['row', ...columns.map(titleOf)],
    ...rows.map((label, row) => [
      label,
      ...columns.map(({ figures }) => {
        const figure = figures[row];
        return figure ? cell(figure) : '–';
      }),
    ]),
  ];
}

function markdown(summary: Summary): string {
  const [head = [], ...rows] = tableOf(summary, figureText);
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

/** One line for each figure, with full digits. */
function csv({ rows, columns }: Summary): string {
  const head = [
    ...['row', 'measure', 'figure', 'unit', 'value', 'standard_error', 'low', 'high', 'items'],
    ...['difference', 'difference_error', 'p', 'p_corrected', 'noise'],
  ];
  const lines = rows.flatMap((label, row) =>
    columns.flatMap(({ measure, name, unit, figures }): Cell[][] => {
      const figure = figures[row];
      if (!figure) return [];
      const { value, standardError: error, interval, items, difference } = figure;
      const [low, high] = interval ?? [null, null];
      return [
        [
          ...[label, measure, name, unit, value, error, low, high, items],
          ...[difference?.value ?? null, difference?.standardError ?? null, difference?.p ?? null],
          ...[difference?.corrected ?? null, difference ? isNoise(figure) : null],
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
`;
}
