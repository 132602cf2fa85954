import type { Figure } from './frame.ts';
import { light, line, pathShape, short, textShape, type Shape } from './shapes.ts';
import { ticksBetween, ticksTo } from './ticks.ts';

interface Lines {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly x: readonly number[];
  readonly lines: readonly { readonly label: string; readonly y: readonly number[] }[];
  readonly format: (value: number) => string;
  /** Whether ticks are powers of two, as for bytes. */
  readonly binary: boolean;
}

const WIDTH = 720;
const LEFT = 78;
const TOP = 26;
const PLOT_PX = 300;
const BOTTOM = 44;
const colors = [light.accent, light.warm, light.ink];

/** Lines over one axis, as a picture. The dashes tell them apart without color. */
export function lineFigure({ title, xLabel, yLabel, x, lines, format, binary }: Lines): Figure {
  const [least, most] = [x[0] ?? 0, x.at(-1) ?? 1];
  const yTicks = ticksTo(Math.max(0, ...lines.flatMap(({ y }) => y)), 5, binary);
  const top = yTicks.at(-1) ?? 1;
  const plotWidth = WIDTH - LEFT - 12;
  const toX = (value: number) => LEFT + (plotWidth * (value - least)) / Math.max(most - least, 1e-9);
  const toY = (value: number) => TOP + PLOT_PX * (1 - value / top);
  const soft = { fill: light.soft, sizePx: 12 } as const;
  const shapes: Shape[] = [
    textShape(yLabel, 0, 12, soft),
    ...yTicks.flatMap((value) => [
      line(LEFT, toY(value), LEFT + plotWidth, toY(value), { stroke: light.line }),
      textShape(format(value), LEFT - 8, toY(value) + 4, { ...soft, anchor: 'end' }),
    ]),
    ...ticksBetween(least, most, 8).flatMap((value) => [
      line(toX(value), TOP + PLOT_PX, toX(value), TOP + PLOT_PX + 5, { stroke: light.soft }),
      textShape(value.toLocaleString('en'), toX(value), TOP + PLOT_PX + 20, { ...soft, anchor: 'middle' }),
    ]),
    textShape(xLabel, LEFT + plotWidth, TOP + PLOT_PX + 38, { ...soft, anchor: 'end' }),
    ...lines.map(({ y }, i) =>
      pathShape(`M${y.map((value, at) => `${short(toX(x[at] ?? 0))} ${short(toY(value))}`).join('L')}`, {
        ...{ stroke: colors[i] ?? light.ink, strokeWidth: 2 },
        dash: i === 0 ? [] : [6, 4],
      }),
    ),
  ];
  return {
    title,
    widthPx: WIDTH,
    heightPx: TOP + PLOT_PX + BOTTOM,
    shapes,
    legend: lines.map(({ label }, i) => ({
      ...{ label, color: colors[i] ?? light.ink },
      mark: i === 0 ? 'line' : 'dashed line',
    })),
  };
}
