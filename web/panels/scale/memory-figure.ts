/** The memory of a GPU, one bar for each way to keep KV: the weights, then a block for each user. */
import { formatBytes } from '../../ui/format.ts';
import { widthOf, type Figure } from '../../ui/picture/frame.ts';
import { light, line, rect, textShape, type Shape } from '../../ui/picture/shapes.ts';
import { ticksTo } from '../../ui/picture/ticks.ts';
import type { ScaledPlan } from './scale-plan.ts';
import { words } from './words.ts';

export interface MemoryBar {
  readonly label: string;
  readonly scaled: ScaledPlan;
}

interface MemoryPicture {
  readonly title: string;
  readonly memoryBytes: number;
  readonly weightBytes: number;
  readonly bars: readonly MemoryBar[];
}

const ROW = 48;
const BAR = 20;
const TEXT_PX = 13;
/** Narrower blocks would be lines only. */
const NARROWEST_PX = 3;

export function memoryFigure(
  { title, memoryBytes, weightBytes, bars }: MemoryPicture,
  widthPx: number,
): Figure {
  const right = 4 + widthOf(formatBytes(memoryBytes), 11) / 2;
  const plotPx = widthPx - right;
  const toX = (bytes: number) => (plotPx * bytes) / memoryBytes;
  const bottom = ROW * bars.length;
  const shapes: Shape[] = [];
  for (const [i, { label, scaled }] of bars.entries()) {
    const top = ROW * i;
    shapes.push(
      textShape(words.row(label, scaled.users), 0, top + TEXT_PX, { sizePx: TEXT_PX, bold: true }),
      rect(0, top + 20, toX(weightBytes), BAR, { fill: light.soft }),
      ...usersOf(scaled, top + 20),
    );
  }
  return {
    title,
    widthPx,
    heightPx: bottom + 26,
    shapes: [
      ...shapes,
      ...ticksTo(memoryBytes, plotPx > 400 ? 4 : 2, true)
        .filter((tick) => tick <= memoryBytes)
        .flatMap((tick) => [
          line(toX(tick), bottom - 4, toX(tick), bottom + 2, { stroke: light.soft }),
          textShape(formatBytes(tick), toX(tick), bottom + 18, {
            ...{
              sizePx: 11,
              fill: light.soft,
              anchor: tick === 0 ? ('start' as const) : ('middle' as const),
            },
          }),
        ]),
    ],
    legend: [
      { label: words.legend.weights, color: light.soft, mark: 'box' },
      { label: words.legend.user, color: light.accent, mark: 'box' },
    ],
  };

  /** Blocks, and what is left of the memory as an outline. If blocks would be too narrow, they run together. */
  function usersOf({ users, bytesPerUser }: ScaledPlan, y: number): readonly Shape[] {
    const width = toX(bytesPerUser);
    const begin = toX(weightBytes);
    const filled =
      width < NARROWEST_PX
        ? [rect(begin, y, width * users, BAR, { fill: light.accent })]
        : Array.from({ length: users }, (_, user) =>
            rect(begin + width * user, y, width - 1, BAR, { fill: light.accent }),
          );
    const end = begin + width * users;
    return [...filled, rect(end, y, Math.max(0, plotPx - end), BAR, { stroke: light.line })];
  }
}
