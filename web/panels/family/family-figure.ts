import { formatBits, formatBytes } from '../../ui/format.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { disc, light, line, pathShape, short, textShape, type TextShape } from '../../ui/picture/shapes.ts';
import { ticksTo } from '../../ui/picture/ticks.ts';
import type { CurvePoint, FamilyCurve } from './family-curve.ts';
import type { LabelSide } from './placed-labels.ts';
import { words } from './words.ts';

const LEFT = 56;
const TOP = 26;
const RIGHT = 64;
const HEIGHT = 320;
const WIDTH = 720;

export const labelAt: Readonly<
  Record<LabelSide, readonly [x: number, y: number, anchor: TextShape['anchor']]>
> = {
  right: [11, 4, 'start'],
  left: [-11, 4, 'end'],
  above: [0, -12, 'middle'],
  below: [0, 21, 'middle'],
};

/** The models that ship, by memory and quality, as a picture, with hollow dots for healed ones. */
export function familyFigure(title: string, curve: FamilyCurve, widthPx = WIDTH): Figure {
  const plot = { width: widthPx - LEFT - RIGHT, height: HEIGHT };
  const toX = (x: number) => LEFT + plot.width * x;
  const toY = (y: number) => TOP + plot.height * (1 - y);
  const bottom = TOP + plot.height;
  const soft = { sizePx: 12, fill: light.soft } as const;
  const named = ({ x, y, name, label }: Pick<CurvePoint, 'x' | 'y' | 'name' | 'label'>) => {
    const [dx, dy, anchor] = labelAt[label];
    return textShape(name, toX(x) + dx, toY(y) + dy, { anchor });
  };
  return {
    title,
    widthPx,
    heightPx: bottom + 44,
    shapes: [
      textShape(words.yAxis, 0, 12, soft),
      ...curve.bitsTicks.flatMap(({ y, bits }) => [
        line(LEFT, toY(y), LEFT + plot.width, toY(y), { stroke: light.line }),
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
      textShape(words.xLabel(curve.contextTokens), LEFT + plot.width, bottom + 38, {
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
      ...curve.healed.flatMap((point) => [
        ...(point.fromY === null
          ? []
          : [line(toX(point.x), toY(point.fromY), toX(point.x), toY(point.y), { stroke: light.warm })]),
        disc(toX(point.x), toY(point.y), 5, { fill: light.paper, stroke: light.warm, strokeWidth: 2 }),
        named(point),
      ]),
    ],
    legend: [
      { label: words.legend.model, color: light.accent, mark: 'box' },
      { label: words.legend.frontier, color: light.accent, mark: 'dashed line' },
      ...(curve.healed.length > 0
        ? [{ label: words.legend.healed, color: light.warm, mark: 'outlined box' } as const]
        : []),
    ],
  };
}
