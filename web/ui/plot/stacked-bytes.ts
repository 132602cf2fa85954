/** Bytes of several things, one bar each, whose parts follow one another. */
import { formatBytes } from '../format.ts';
import { widthOf, type Figure } from '../picture/frame.ts';
import { light, line, rect, textShape, type Shape } from '../picture/shapes.ts';
import { ticksTo } from '../picture/ticks.ts';

export interface BytesPart {
  readonly label: string;
  readonly color: string;
}

export interface BytesBar {
  readonly label: string;
  /** One for each part. */
  readonly bytes: readonly number[];
}

interface StackedBytes {
  readonly title: string;
  readonly parts: readonly BytesPart[];
  readonly bars: readonly BytesBar[];
  /** What no bar may pass, as a line; null if there is none. */
  readonly limit: { readonly label: string; readonly bytes: number } | null;
}

const ROW = 28;
const TEXT_PX = 12;
const TOP = 8;

export function stackedBytes({ title, parts, bars, limit }: StackedBytes, widthPx: number): Figure {
  const sumOf = ({ bytes }: BytesBar) => bytes.reduce((total, part) => total + part, 0);
  const left = 10 + Math.max(...bars.map(({ label }) => widthOf(label, TEXT_PX)));
  const right = 70;
  const plotPx = Math.max(80, widthPx - left - right);
  const ticks = ticksTo(Math.max(limit?.bytes ?? 0, ...bars.map(sumOf)), plotPx > 300 ? 4 : 2, true);
  const toX = (bytes: number) => left + (plotPx * bytes) / (ticks.at(-1) ?? 1);
  const bottom = TOP + ROW * bars.length;
  const shapes: Shape[] = ticks.flatMap((tick) => [
    line(toX(tick), 4, toX(tick), bottom, { stroke: light.line }),
    textShape(formatBytes(tick), toX(tick), bottom + 16, {
      ...{ sizePx: 11, fill: light.soft, anchor: 'middle' },
    }),
  ]);
  for (const [i, bar] of bars.entries()) {
    const top = TOP + ROW * i;
    shapes.push(textShape(bar.label, left - 8, top + 15, { sizePx: TEXT_PX, anchor: 'end' }));
    let begin = 0;
    for (const [part, { color }] of parts.entries()) {
      const bytes = bar.bytes[part] ?? 0;
      if (bytes > 0)
        shapes.push(rect(toX(begin), top, toX(begin + bytes) - toX(begin), ROW - 8, { fill: color }));
      begin += bytes;
    }
    const end = limit && begin <= limit.bytes ? Math.max(begin, limit.bytes) : begin;
    shapes.push(textShape(formatBytes(begin), toX(end) + 6, top + 15, { sizePx: TEXT_PX }));
  }
  if (limit) {
    const x = toX(limit.bytes);
    shapes.push(line(x, 2, x, bottom, { stroke: light.warm, strokeWidth: 2, dash: [5, 4] }));
  }
  return {
    title,
    widthPx,
    heightPx: bottom + 24,
    shapes,
    legend: [
      ...parts.map(({ label, color }) => ({ label, color, mark: 'box' as const })),
      ...(limit ? [{ label: limit.label, color: light.warm, mark: 'dashed line' as const }] : []),
    ],
  };
}
