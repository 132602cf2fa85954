import type { Figure } from '../picture/frame.ts';
import { widthOf } from '../picture/frame.ts';
import { light, line, pathShape, short, textShape, type Shape } from '../picture/shapes.ts';
import type { PlotAxis } from './plot-axis.ts';
import { lookOf, markerPath } from './series-look.ts';

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** The ends of the error bar; null if there is none. */
  readonly range: readonly [low: number, high: number] | null;
  readonly radiusPx: number;
  readonly hollow: boolean;
  /** Beside the point; empty for none. */
  readonly label: string;
}

export interface PlotSeries {
  readonly label: string;
  readonly points: readonly PlotPoint[];
  /** Whether a line joins the points. */
  readonly joined: boolean;
  /** A value that the whole width has, as a dashed line; null if the series has points. */
  readonly level: number | null;
}

export interface Plot {
  readonly title: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
  /** In the order of their paths: a dotted line through the points that none dominates. */
  readonly frontier: readonly { readonly x: number; readonly y: number }[];
  readonly legend: Figure['legend'];
}

const PLOT_PX = 300;
const TOP = 28;
const BOTTOM = 46;
const TEXT_PX = 12;
const LINE_PX = 16;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Points and lines over two axes, in the width that there is. */
export function plotFigure({ title, x, y, series, frontier, legend }: Plot, widthPx: number): Figure {
  const left = 12 + Math.max(24, ...y.ticks.map((tick) => widthOf(y.format(tick), TEXT_PX)));
  const plotPx = widthPx - left - 14;
  const bottom = TOP + PLOT_PX;
  const toX = (value: number) => left + plotPx * x.place(value);
  const toY = (value: number) => bottom - PLOT_PX * y.place(value);
  const soft = { fill: light.soft, sizePx: TEXT_PX } as const;
  const shapes: Shape[] = [
    textShape(y.label, 0, 12, soft),
    ...y.ticks.flatMap((tick) => [
      line(left, toY(tick), left + plotPx, toY(tick), { stroke: light.line }),
      textShape(y.format(tick), left - 8, toY(tick) + 4, { ...soft, anchor: 'end' }),
    ]),
    ...thinned(x, toX).flatMap((tick) => [
      line(toX(tick), bottom, toX(tick), bottom + 5, { stroke: light.soft }),
      textShape(x.format(tick), toX(tick), bottom + 20, { ...soft, anchor: 'middle' }),
    ]),
    textShape(x.label, left + plotPx, bottom + 40, { ...soft, anchor: 'end' }),
  ];
  if (frontier.length > 1) {
    shapes.push(
      joined(
        frontier.map((point) => [toX(point.x), toY(point.y)]),
        light.soft,
        [2, 4],
      ),
    );
  }
  const markers: Shape[] = [];
  const labels: { readonly text: string; readonly x: number; readonly y: number; readonly gap: number }[] =
    [];
  for (const [i, { points, joined: isLine, level }] of series.entries()) {
    const { color, dash, marker } = lookOf(i);
    if (level !== null) {
      shapes.push(
        line(left, toY(level), left + plotPx, toY(level), { stroke: color, strokeWidth: 1.5, dash: [5, 5] }),
      );
    }
    if (isLine && points.length > 1) {
      shapes.push(
        joined(
          points.map((point) => [toX(point.x), toY(point.y)]),
          color,
          dash,
        ),
      );
    }
    for (const { x: px, y: py, range, radiusPx, hollow, label } of points) {
      if (range) markers.push(...errorBar(toX(px), toY(range[0]), toY(range[1]), color));
      markers.push(
        pathShape(
          markerPath(marker, radiusPx),
          { fill: hollow ? light.paper : color, stroke: color, strokeWidth: 2 },
          toX(px),
          toY(py),
        ),
      );
      if (label !== '') labels.push({ text: label, x: toX(px), y: toY(py), gap: radiusPx + 5 });
    }
  }
  const inside = { left, right: left + plotPx, top: TOP, bottom };
  return {
    title,
    widthPx,
    heightPx: bottom + BOTTOM,
    shapes: [...shapes, ...markers, ...placed(labels, inside)],
    legend,
  };
}

const joined = (points: readonly (readonly [number, number])[], color: string, dash: readonly number[]) =>
  pathShape(`M${points.map(([px, py]) => `${short(px)} ${short(py)}`).join('L')}`, {
    ...{ stroke: color, strokeWidth: 2, dash },
  });

function errorBar(x: number, low: number, high: number, color: string): readonly Shape[] {
  const ink = { stroke: color, strokeWidth: 1.5 };
  return [line(x, low, x, high, ink), line(x - 4, low, x + 4, low, ink), line(x - 4, high, x + 4, high, ink)];
}

/** The ticks whose texts do not touch. */
function thinned({ ticks, format }: PlotAxis, toX: (value: number) => number): readonly number[] {
  let end = -Infinity;
  return ticks.filter((tick) => {
    const half = widthOf(format(tick), TEXT_PX) / 2;
    if (toX(tick) - half < end + 6) return false;
    end = toX(tick) + half;
    return true;
  });
}

/** How far a text may move from its point, in lines of text. */
const MOST_LINES_AWAY = 6;
/** What a line of text away costs: less than to cover anything, so that only texts in need of room move. */
const COST_OF_A_LINE = 1e-3;

/**
 * Texts beside their points, each on the side where it covers least: nearby if there is room, lines above or below if
 * not. Points in one place that say the same say it once.
 */
function placed(
  labels: readonly { readonly text: string; readonly x: number; readonly y: number; readonly gap: number }[],
  inside: Box,
): readonly Shape[] {
  const told = labels.filter(
    ({ text, x, y }, i) =>
      !labels.slice(0, i).some((other) => other.text === text && Math.hypot(other.x - x, other.y - y) < 6),
  );
  const taken: Box[] = told.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  return told.map(({ text, x, y, gap }, own) => {
    const width = widthOf(text, TEXT_PX);
    const at = (left: number, base: number, lines = 0) => ({
      base,
      lines,
      left,
      box: { left, right: left + width, top: base - TEXT_PX, bottom: base + 3 },
    });
    // Between the line through the points and their error bars first.
    const sides = [
      at(x + 0.8 * gap, y - 0.8 * gap),
      at(x + gap, y + 4),
      at(x - gap - width, y + 4),
      at(x - width / 2, y - gap - 3),
      at(x - width / 2, y + gap + TEXT_PX),
      ...Array.from({ length: MOST_LINES_AWAY }, (_, i) => i + 1).flatMap((lines) =>
        [-lines, lines].flatMap((away) => [
          at(x + gap, y + 4 + away * LINE_PX, lines),
          at(x - gap - width, y + 4 + away * LINE_PX, lines),
        ]),
      ),
    ];
    const costOf = ({ box, lines }: (typeof sides)[number]) =>
      taken.reduce((sum, other, i) => sum + (i === own ? 0 : overlap(box, other)), 0) +
      outside(box, inside) +
      lines * COST_OF_A_LINE;
    const best = sides.reduce((a, b) => (costOf(b) < costOf(a) ? b : a));
    taken.push(best.box);
    return textShape(text, best.left, best.base, { sizePx: TEXT_PX });
  });
}

const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

const outside = (box: Box, inside: Box) =>
  50 *
  (Math.max(0, inside.left - box.left) +
    Math.max(0, box.right - inside.right) +
    Math.max(0, inside.top - box.top) +
    Math.max(0, box.bottom - inside.bottom));
