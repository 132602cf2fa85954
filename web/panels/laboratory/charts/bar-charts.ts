/** Speed and bytes, which are compared by length. */
import { shortNumber } from '../../../../worker/laboratory/export-summary.ts';
import { barFigure, type BarGroup } from '../../../ui/picture/bar-figure.ts';
import type { Figure } from '../../../ui/picture/frame.ts';
import { widthOf } from '../../../ui/picture/frame.ts';
import { formatBytes } from '../../../ui/format.ts';
import { light, line, rect, textShape, type Shape } from '../../../ui/picture/shapes.ts';
import { ticksTo } from '../../../ui/picture/ticks.ts';
import { words } from '../words.ts';
import type { ChartData } from './chart-data.ts';

/** Throughput of the first shape that was timed, and the largest batch; null if no speed is known. */
export function throughputFigure({ summary, names }: ChartData, widthPx: number): Figure | null {
  const throughput = summary.columns.find(({ name }) => name.startsWith('throughput'));
  const largest = summary.columns.find(({ name }) => name.startsWith('largest batch'));
  if (!throughput || throughput.figures.every(({ value }) => value === null)) return null;
  const group = (axis: string, { figures }: typeof throughput): BarGroup => ({
    axis,
    format: shortNumber,
    binary: false,
    bars: names.map((label, i) => {
      const { value = null, interval = null } = figures[i] ?? {};
      return { label, value, range: interval, text: value === null ? '–' : shortNumber(value) };
    }),
  });
  const shape = throughput.name.replace(/^throughput, /, '');
  return barFigure(
    words.charts.throughput,
    [
      group(`${words.charts.tokensPerSec} (${shape})`, throughput),
      ...(largest ? [group(words.charts.largestBatch, largest)] : []),
    ],
    [],
    widthPx,
  );
}

interface RowBytes {
  readonly label: string;
  readonly weights: number;
  readonly kvInUse: number;
  readonly kvFree: number;
  readonly scratch: number;
}

/** The bytes of each row that was timed, of the sequences and lengths that took most. */
function bytesOf({ records, names }: ChartData): readonly RowBytes[] {
  return names.flatMap((label, row) => {
    const found = records.flatMap(({ row: each, measured }) =>
      each === row && measured.kind === 'speed' ? [measured] : [],
    );
    if (found.length === 0) return [];
    const longest = found.reduce((a, b) => (b.kvBytesAllocated > a.kvBytesAllocated ? b : a));
    const { weightBytes, kvBytes, kvBytesAllocated, scratchBytes } = longest;
    const kvFree = Math.max(0, kvBytesAllocated - kvBytes);
    return [{ label, weights: weightBytes, kvInUse: kvBytes, kvFree, scratch: scratchBytes }];
  });
}

const ROW = 28;
const TEXT_PX = 12;

/** Stacked bytes of each row; null if no row was timed. */
export function bytesFigure(data: ChartData, widthPx: number): Figure | null {
  const rows = bytesOf(data);
  if (rows.length === 0) return null;
  const parts = [
    { label: words.charts.weights, color: light.soft, of: ({ weights }: RowBytes) => weights },
    { label: words.charts.kvInUse, color: light.accent, of: ({ kvInUse }: RowBytes) => kvInUse },
    { label: words.charts.kvFree, color: light.warm, of: ({ kvFree }: RowBytes) => kvFree },
    { label: words.charts.scratch, color: light.ink, of: ({ scratch }: RowBytes) => scratch },
  ];
  const sum = (row: RowBytes) => parts.reduce((total, { of }) => total + of(row), 0);
  const left = 10 + Math.max(...rows.map(({ label }) => widthOf(label, TEXT_PX)));
  const right = 70;
  const plotPx = Math.max(80, widthPx - left - right);
  const ticks = ticksTo(Math.max(...rows.map(sum)), plotPx > 300 ? 4 : 2, true);
  const toX = (bytes: number) => left + (plotPx * bytes) / (ticks.at(-1) ?? 1);
  const bottom = 8 + ROW * rows.length;
  const shapes: Shape[] = ticks.flatMap((tick) => [
    line(toX(tick), 4, toX(tick), bottom, { stroke: light.line }),
    textShape(formatBytes(tick), toX(tick), bottom + 16, {
      ...{ sizePx: 11, fill: light.soft, anchor: 'middle' },
    }),
  ]);
  for (const [i, row] of rows.entries()) {
    const top = 8 + ROW * i;
    shapes.push(textShape(row.label, left - 8, top + 15, { sizePx: TEXT_PX, anchor: 'end' }));
    let begin = 0;
    for (const { color, of } of parts) {
      const bytes = of(row);
      if (bytes > 0)
        shapes.push(rect(toX(begin), top, toX(begin + bytes) - toX(begin), ROW - 8, { fill: color }));
      begin += bytes;
    }
    shapes.push(textShape(formatBytes(begin), toX(begin) + 6, top + 15, { sizePx: TEXT_PX }));
  }
  return {
    title: words.charts.bytes,
    widthPx,
    heightPx: bottom + 24,
    shapes,
    legend: parts.map(({ label, color }) => ({ label, color, mark: 'box' })),
  };
}
