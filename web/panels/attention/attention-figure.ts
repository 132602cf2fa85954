import { EVICTED, HIDDEN } from '../../../gpu/kv/head-attention.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { light, pathShape, rectPath, textShape } from '../../ui/picture/shapes.ts';
import { ticksBetween } from '../../ui/picture/ticks.ts';
import { inColumns, strength, type Row } from './readings.ts';
import { words } from './words.ts';

const WIDTH = 720;
const LEFT = 40;
const ROW = 20;
const TOP = 22;
/** Cells of the same shade are one path, so that a long text makes no huge file. */
const SHADES = 24;

/** The matrix as a picture: a row per layer or head, a column per position. */
export function attentionFigure(title: string, axis: string, rows: readonly Row[]): Figure {
  const positions = rows[0]?.reads.length ?? 1;
  const plotWidth = WIDTH - LEFT;
  const drawn = rows.map(({ reads }) => inColumns(reads, plotWidth));
  const cell = plotWidth / (drawn[0]?.length ?? 1);
  const gap = cell > 4 ? 1 : 0;
  const ground: string[] = [];
  const evicted: string[] = [];
  const byShade = new Map<number, string[]>();
  for (const [row, reads] of drawn.entries()) {
    for (const [column, read] of reads.entries()) {
      const [x, y] = [LEFT + column * cell, TOP + row * ROW];
      if (read === HIDDEN) continue;
      if (read === EVICTED) {
        evicted.push(rectPath(x, y + ROW / 2 - 1, cell, 1.5));
        continue;
      }
      const path = rectPath(x, y, cell - gap, ROW - 1);
      ground.push(path);
      const shade = Math.round(SHADES * strength(read));
      if (shade > 0) byShade.set(shade, [...(byShade.get(shade) ?? []), path]);
    }
  }
  const soft = { sizePx: 12, fill: light.soft } as const;
  const bottom = TOP + ROW * rows.length;
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 40,
    shapes: [
      textShape(axis, 0, 12, soft),
      pathShape(ground.join(''), { fill: light.sunken }),
      pathShape(evicted.join(''), { fill: light.soft }),
      ...[...byShade].map(([shade, paths]) =>
        pathShape(paths.join(''), { fill: light.accent, opacity: shade / SHADES }),
      ),
      ...rows.map(({ mark }, row) =>
        textShape(mark, LEFT - 8, TOP + ROW * row + 14, { ...soft, anchor: 'end' }),
      ),
      ...ticksBetween(0, positions - 1, 8).map((position) =>
        textShape(String(position), LEFT + ((position + 0.5) * plotWidth) / positions, bottom + 16, {
          ...soft,
          anchor: 'middle',
        }),
      ),
      textShape(words.axisPosition, WIDTH, bottom + 34, { ...soft, anchor: 'end' }),
    ].filter((shape) => shape.kind === 'text' || shape.d !== ''),
    legend: [
      { label: words.legend.all, color: light.accent, mark: 'box' },
      { label: words.legend.some, color: overGround(strength(0.1)), mark: 'box' },
      { label: words.legend.little, color: overGround(strength(0.01)), mark: 'box' },
      { label: words.legend.nothing, color: light.sunken, mark: 'box' },
      { label: words.legend.evicted, color: light.soft, mark: 'line' },
      { label: words.legend.hidden, color: light.line, mark: 'outlined box' },
    ],
  };
}

/** The accent over the ground, at an opacity. */
function overGround(opacity: number): string {
  const channel = (color: string, i: number) => parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mix = (i: number) => opacity * channel(light.accent, i) + (1 - opacity) * channel(light.sunken, i);
  return `#${[0, 1, 2].map((i) => Math.round(mix(i)).toString(16).padStart(2, '0')).join('')}`;
}
