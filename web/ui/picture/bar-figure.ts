import { widthOf, type Figure, type LegendItem } from './frame.ts';
import { light, line, rect, textShape, type Shape } from './shapes.ts';
import { ticksTo } from './ticks.ts';

export interface Bar {
  readonly label: string;
  /** Null if there is no value: the text says why. */
  readonly value: number | null;
  /** From the least to the most that was measured; null for an exact value. */
  readonly range: readonly [least: number, most: number] | null;
  /** The value in words, beside the bar. */
  readonly text: string;
}

/** Bars over one axis that starts at 0. */
export interface BarGroup {
  /** What the axis shows, with its unit. */
  readonly axis: string;
  readonly bars: readonly Bar[];
  readonly format: (value: number) => string;
  readonly binary: boolean;
}

const WIDTH = 720;
/** On a narrow page, labels stand above their bars. */
const NARROW = 480;
const ROW = 26;
const LABEL_ROW = 18;
const TEXT_PX = 12;
/** Labels take at most so much of the width, and are cut only then. */
const LABELS_OF_WIDTH = 0.4;
/** Lets a range that is drawn over its bar stand out on light and on dark pages. */
const UNDER_RANGE = 0.5;

function cutTo(widthPx: number, label: string): string {
  const letters = Array.from(label);
  while (widthOf(`${letters.join('')}…`, TEXT_PX) > widthPx) letters.pop();
  return letters.length < Array.from(label).length ? `${letters.join('')}…` : label;
}

/** Horizontal bars, in one group or several below each other. */
export function barFigure(
  title: string,
  groups: readonly BarGroup[],
  legend: readonly LegendItem[],
  widthPx = WIDTH,
): Figure {
  const all = groups.flatMap(({ bars }) => bars);
  const narrow = widthPx < NARROW;
  const cut = (label: string) => cutTo(LABELS_OF_WIDTH * widthPx, label);
  const left = narrow ? 4 : 12 + Math.max(...all.map(({ label }) => widthOf(cut(label), TEXT_PX)), 0);
  const row = narrow ? ROW + LABEL_ROW : ROW;
  const right = 16 + Math.max(...all.map(({ text }) => widthOf(text, TEXT_PX)), 0);
  const plot = Math.max(120, widthPx - left - right);
  const shapes: Shape[] = [];
  let y = 0;
  for (const { axis, bars, format, binary } of groups) {
    const values = bars.flatMap(({ value, range }) => [value ?? 0, ...(range ?? [])]);
    const ticks = ticksTo(Math.max(0, ...values), narrow ? 2 : 4, binary);
    const toX = (value: number) => left + (plot * value) / (ticks.at(-1) ?? 1);
    const bottom = y + 24 + row * bars.length;
    shapes.push(textShape(axis, 0, y + 14, { sizePx: TEXT_PX, bold: true }));
    for (const tick of ticks) {
      shapes.push(
        line(toX(tick), y + 22, toX(tick), bottom, { stroke: light.line }),
        // Centered, the first one would be cut at the edge of a narrow picture.
        textShape(format(tick), toX(tick), bottom + 15, {
          ...{ sizePx: 11, fill: light.soft },
          anchor: narrow && tick === 0 ? 'start' : 'middle',
        }),
      );
    }
    for (const [i, { label, value, range, text }] of bars.entries()) {
      const top = y + 26 + row * i + (row - ROW);
      const middle = top + ROW / 2 - 3;
      shapes.push(
        narrow
          ? textShape(label, left, top - 4, { sizePx: TEXT_PX })
          : textShape(cut(label), left - 10, middle + 4, { sizePx: TEXT_PX, anchor: 'end' }),
      );
      if (value !== null)
        shapes.push(
          rect(left, top, toX(value) - left, ROW - 6, {
            fill: light.accent,
            opacity: range ? UNDER_RANGE : 1,
          }),
        );
      if (range) {
        shapes.push(
          ...[line(toX(range[0]), middle, toX(range[1]), middle, { stroke: light.ink, strokeWidth: 1.5 })],
          ...range.map((end) =>
            line(toX(end), middle - 5, toX(end), middle + 5, { stroke: light.ink, strokeWidth: 1.5 }),
          ),
        );
      }
      shapes.push(textShape(text, widthPx, middle + 4, { sizePx: TEXT_PX, anchor: 'end' }));
    }
    y = bottom + 32;
  }
  return { title, widthPx, heightPx: Math.max(0, y - 10), shapes, legend };
}
