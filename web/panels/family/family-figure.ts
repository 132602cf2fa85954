import { formatBits, formatBytes } from '../../ui/format.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { disc, light, line, pathShape, short, textShape, type TextShape } from '../../ui/picture/shapes.ts';
import { ticksTo } from '../../ui/picture/ticks.ts';
import type { CurvePoint, FamilyCurve } from './family-curve.ts';
import type { LabelSide } from './placed-labels.ts';
import { words } from './words.ts';

const LEFT = 56;
const TOP = 26;
const PLOT = { width: 600, height: 320 };
const WIDTH = 720;

export const labelAt: Readonly<
  Record<LabelSide, readonly [x: number, y: number, anchor: TextShape['anchor']]>
> = {
  right: [11, 4, 'start'],
  left: [-11, 4, 'end'],
  above: [0, -12, 'middle'],
  below: [0, 21, 'middle'],
};

/** The models that ship, by memory and quality, as a picture. */
export function familyFigure(title: string, curve: FamilyCurve): Figure {
  const toX = (x: number) => LEFT + PLOT.width * x;
  const toY = (y: number) => TOP + PLOT.height * (1 - y);
  const bottom = TOP + PLOT.height;
  const soft = { sizePx: 12, fill: light.soft } as const;
  const named = ({ x, y, name, label }: CurvePoint) => {
    const [dx, dy, anchor] = labelAt[label];
    return textShape(name, toX(x) + dx, toY(y) + dy, { anchor });
  };
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 44,
    shapes: [
      textShape(words.yAxis, 0, 12, soft),
      ...curve.bitsTicks.flatMap(({ y, bits }) => [
        line(LEFT, toY(y), LEFT + PLOT.width, toY(y), { stroke: light.line }),
        textShape(formatBits(bits, 2), LEFT - 8, toY(y) + 4, { ...soft, anchor: 'end' }),
      ]),
      ...ticksTo(curve.plain.kvBytes, 4, true).flatMap((bytes) => [
        line(toX(bytes / curve.plain.kvBytes), bottom, toX(bytes / curve.plain.kvBytes), bottom + 5, {
          stroke: light.soft,
        }),
        textShape(formatBytes(bytes), toX(bytes / curve.plain.kvBytes), bottom + 20, {
          ...soft,
          anchor: 'middle',
        }),
      ]),
      textShape(words.xLabel(curve.contextTokens), LEFT + PLOT.width, bottom + 38, {
        ...soft,
        anchor: 'end',
      }),
      pathShape(`M${curve.frontier.map(({ x, y }) => `${short(toX(x))} ${short(toY(y))}`).join('L')}`, {
        ...{ stroke: light.accent, strokeWidth: 2, dash: [2, 4] },
      }),
      ...curve.points.flatMap((point) => [
        disc(toX(point.x), toY(point.y), 5, { fill: light.accent }),
        named(point),
      ]),
    ],
    legend: [
      { label: words.legend.model, color: light.accent, mark: 'box' },
      { label: words.legend.frontier, color: light.accent, mark: 'dashed line' },
    ],
  };
}
