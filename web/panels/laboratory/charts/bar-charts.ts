/** Speed and bytes, which are compared by length. */
import { shortNumber } from '../../../../worker/laboratory/export-summary.ts';
import { barFigure, type BarGroup } from '../../../ui/picture/bar-figure.ts';
import type { Figure } from '../../../ui/picture/frame.ts';
import { light } from '../../../ui/picture/shapes.ts';
import { stackedBytes } from '../../../ui/plot/stacked-bytes.ts';
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

/** Stacked bytes of each row; null if no row was timed. */
export function bytesFigure(data: ChartData, widthPx: number): Figure | null {
  const rows = bytesOf(data);
  if (rows.length === 0) return null;
  return stackedBytes(
    {
      title: words.charts.bytes,
      parts: [
        { label: words.charts.weights, color: light.soft },
        { label: words.charts.kvInUse, color: light.accent },
        { label: words.charts.kvFree, color: light.warm },
        { label: words.charts.scratch, color: light.ink },
      ],
      bars: rows.map(({ label, weights, kvInUse, kvFree, scratch }) => ({
        label,
        bytes: [weights, kvInUse, kvFree, scratch],
      })),
      limit: null,
    },
    widthPx,
  );
}
