import type { Divergence } from '../../worker/protocol/evaluate.ts';
import { formatNats } from './divergence-words.ts';
import type { Figure } from './picture/frame.ts';
import { light, line, pathShape, rectPath, textShape } from './picture/shapes.ts';
import { ticksBetween } from './picture/ticks.ts';
import { words } from './words.ts';

const WIDTH = 720;
const LEFT = 56;
const TOP = 28;
const HEIGHT = 160;

/** Height of a bar as a fraction of the tallest one's. The square root keeps small differences visible. */
export const barHeight = (kl: number, largest: number): number => Math.sqrt(kl / Math.max(1e-6, largest));

/** KL by position as a picture. Positions where the likeliest tokens differ have another color and a mark. */
export function divergenceFigure(title: string, { kl, agrees }: Divergence): Figure {
  const largest = kl.reduce((most, value) => Math.max(most, value), 0);
  const step = (WIDTH - LEFT) / Math.max(1, kl.length);
  const width = step > 3 ? step - 1 : step;
  const bottom = TOP + HEIGHT;
  const soft = { sizePx: 12, fill: light.soft } as const;
  /** All bars of one color are one path, so that a long text makes no huge file. */
  const bars = (differ: boolean) =>
    [...kl].flatMap((value, i) => {
      if ((agrees[i] === true) === differ) return [];
      const height = HEIGHT * barHeight(value, largest);
      const mark = differ ? [rectPath(LEFT + i * step, bottom + 2, width, 4)] : [];
      return [rectPath(LEFT + i * step, bottom - height, width, height), ...mark];
    });
  const ticks = largest > 0 ? [0, largest / 4, largest] : [0];
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 44,
    shapes: [
      textShape(words.klAxis, 0, 12, soft),
      ...ticks.flatMap((tick) => {
        const y = bottom - HEIGHT * barHeight(tick, largest);
        return [
          line(LEFT, y, WIDTH, y, { stroke: light.line }),
          textShape(formatNats(tick), LEFT - 8, y + 4, { ...soft, anchor: 'end' }),
        ];
      }),
      pathShape(bars(false).join(''), { fill: light.accent }),
      pathShape(bars(true).join(''), { fill: light.warm }),
      ...ticksBetween(0, kl.length - 1, 8).map((position) =>
        textShape(String(position), LEFT + (position + 0.5) * step, bottom + 20, {
          ...soft,
          anchor: 'middle',
        }),
      ),
      textShape(words.positionAxis, WIDTH, bottom + 38, { ...soft, anchor: 'end' }),
    ],
    legend: [
      { label: words.sameLikeliest, color: light.accent, mark: 'box' },
      { label: words.otherLikeliest, color: light.warm, mark: 'box' },
    ],
  };
}
