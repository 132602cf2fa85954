import type { GroupMovement } from '../../../gpu/plan/movement.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { light, pathShape, rect, rectPath, textShape } from '../../ui/picture/shapes.ts';
import { ticksBetween } from '../../ui/picture/ticks.ts';
import { darkness } from './pass-summaries.ts';
import { words } from './words.ts';

const WIDTH = 720;
const LEFT = 34;
const ROW = 20;
const TOP = 22;
/** Cells of the same shade are one path, so that a long prompt makes no huge file. */
const SHADES = 24;

/** The heat map as a picture: a row per pass, a column per position. */
export function heatFigure(
  title: string,
  { passes, relative }: Pick<GroupMovement, 'passes' | 'relative'>,
): Figure {
  const positions = relative.length / passes;
  const cell = (WIDTH - LEFT) / positions;
  const gap = cell > 4 ? 1 : 0;
  const byShade = new Map<number, string[]>();
  const leftOut: string[] = [];
  for (const [i, moved] of relative.entries()) {
    if (Number.isNaN(moved)) {
      const middle = TOP + (Math.floor(i / positions) + 0.5) * ROW;
      leftOut.push(rectPath(LEFT + (i % positions) * cell, middle - 1, cell, 1));
    }
    const shade = Math.round(SHADES * darkness(moved));
    if (shade === 0) continue;
    const path = rectPath(
      LEFT + (i % positions) * cell,
      TOP + Math.floor(i / positions) * ROW,
      cell - gap,
      ROW - 1,
    );
    const paths = byShade.get(shade);
    if (paths) paths.push(path);
    else byShade.set(shade, [path]);
  }
  const soft = { sizePx: 12, fill: light.soft } as const;
  const bottom = TOP + ROW * passes;
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 40,
    shapes: [
      textShape(words.axisPass, 0, 12, soft),
      rect(LEFT, TOP, WIDTH - LEFT, ROW * passes, { fill: light.sunken }),
      ...[...byShade].map(([shade, paths]) =>
        pathShape(paths.join(''), { fill: light.accent, opacity: shade / SHADES }),
      ),
      ...(leftOut.length > 0 ? [pathShape(leftOut.join(''), { fill: light.soft })] : []),
      ...Array.from({ length: passes }, (_, pass) =>
        textShape(String(pass + 1), LEFT - 8, TOP + ROW * pass + 14, { ...soft, anchor: 'end' }),
      ),
      ...ticksBetween(0, positions - 1, 8).map((position) =>
        textShape(String(position), LEFT + (position + 0.5) * cell, bottom + 16, {
          ...soft,
          anchor: 'middle',
        }),
      ),
      textShape(words.axisPosition, WIDTH, bottom + 34, { ...soft, anchor: 'end' }),
    ],
    legend: [
      { label: words.legend.all, color: light.accent, mark: 'box' },
      // The shade of 1 % over the ground.
      { label: words.legend.little, color: mixed(darkness(0.01)), mark: 'box' },
      { label: words.legend.nothing, color: light.sunken, mark: 'box' },
      ...(leftOut.length > 0
        ? [{ label: words.legend.leftOut, color: light.soft, mark: 'line' } as const]
        : []),
    ],
  };
}

/** The accent over the ground, at an opacity. */
function mixed(opacity: number): string {
  const channel = (color: string, i: number) => parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mix = (i: number) => opacity * channel(light.accent, i) + (1 - opacity) * channel(light.sunken, i);
  return `#${[0, 1, 2].map((i) => Math.round(mix(i)).toString(16).padStart(2, '0')).join('')}`;
}
