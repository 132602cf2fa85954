import { policyKind } from '../../../gpu/kv/policies/policies.ts';
import { formatBits, formatBytes } from '../../ui/format.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { disc, light, line, pathShape, short, textShape } from '../../ui/picture/shapes.ts';
import { labelAt } from './family-figure.ts';
import type { PolicyCurve } from './policy-curve.ts';
import { policyColors } from './policy-colors.ts';
import { words } from './words.ts';

const LEFT = 56;
const TOP = 26;
const PLOT = { width: 600, height: 380 };
const WIDTH = 720;

/** Both ways of saving KV, as a picture. */
export function policyFigure(title: string, curve: PolicyCurve, windowTokens: number): Figure {
  const toX = (x: number) => LEFT + PLOT.width * x;
  const toY = (y: number) => TOP + PLOT.height * (1 - y);
  const bottom = TOP + PLOT.height;
  const soft = { sizePx: 12, fill: light.soft } as const;
  const colorOf = (policy: string) => light[policyColors(curve.lines)(policy)];
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
      ...curve.bytesTicks.flatMap(({ x, bytes }) => [
        line(toX(x), bottom, toX(x), bottom + 5, { stroke: light.soft }),
        textShape(formatBytes(bytes), toX(x), bottom + 20, { ...soft, anchor: 'middle' }),
      ]),
      textShape(words.xLabel(windowTokens), LEFT + PLOT.width, bottom + 38, { ...soft, anchor: 'end' }),
      ...curve.lines.flatMap(({ policy, less, places, points }) => [
        pathShape(`M${places.map(({ x, y }) => `${short(toX(x))} ${short(toY(y))}`).join('L')}`, {
          ...{ stroke: colorOf(policy), strokeWidth: 2, dash: less ? [6, 4] : [] },
        }),
        ...points.map(({ x, y }) => disc(toX(x), toY(y), 3.5, { fill: colorOf(policy) })),
      ]),
      ...curve.sharing.flatMap(({ x, y, name, label }) => {
        const [dx, dy, anchor] = labelAt[label];
        return [
          disc(toX(x), toY(y), 5, { fill: light.ink }),
          textShape(name, toX(x) + dx, toY(y) + dy, { anchor }),
        ];
      }),
    ],
    legend: [
      { label: words.policies.legend.sharing, color: light.ink, mark: 'box' },
      ...[...new Set(curve.lines.map(({ policy }) => policy))].map((policy) => ({
        ...{ label: policyKind(policy).label, color: colorOf(policy), mark: 'line' as const },
      })),
      ...(curve.lines.some(({ less }) => less)
        ? [{ label: words.policies.legend.less, color: light.soft, mark: 'dashed line' as const }]
        : []),
    ],
  };
}
