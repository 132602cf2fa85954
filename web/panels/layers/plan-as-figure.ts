import { groupsOf } from '../../../gpu/plan/forward-plan.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { Figure, LegendItem } from '../../ui/picture/frame.ts';
import { disc, light, pathShape, textShape, type Shape } from '../../ui/picture/shapes.ts';
import { readEntries } from './plan-edit.ts';
import { ARCS_PX, arcsOf, BRACKETS_PX, bracketsOf, rowY } from './plan-picture.ts';
import { ROW_PX } from './row-px.ts';
import { words } from './words.ts';

const DISC = 12;
const DISCS_X = BRACKETS_PX + 14;
const ARCS_X = BRACKETS_PX + 28;
const WIDTH = 720;

/** The picture of a plan, to be saved: layers from the last to the first, and arrows to whose KV they read. */
export function planFigure(title: string, layerTypes: string, layerCount: number, passes: number): Figure {
  const entries = readEntries(layerTypes, layerCount);
  const owners = new Set(entries.map(({ readsFrom }) => readsFrom));
  const parsed = parseLayerTypes(layerTypes, layerCount);
  const groups = parsed.ok ? groupsOf(parsed.value) : [];
  const arcs = arcsOf(entries);
  const said = { sizePx: 13, fill: light.soft } as const;
  const shapes: Shape[] = [
    ...bracketsOf(groups, entries.length).flatMap(({ path, labelY }) => [
      pathShape(path, { stroke: light.warm, strokeWidth: 1.6 }),
      textShape(`${passes}×`, BRACKETS_PX - 13, labelY + 4, {
        ...{ sizePx: 12, bold: true, anchor: 'end', fill: light.warm },
      }),
    ]),
    ...arcs.flatMap(({ path, tip, windowed, above }) => {
      const color = above ? light.warm : light.accent;
      return [
        pathShape(path, { stroke: color, strokeWidth: 1.5, dash: windowed ? [4, 3] : [] }, ARCS_X),
        pathShape(tip, { fill: color }, ARCS_X),
      ];
    }),
    ...entries.flatMap(({ layer, text, windowed, problem }) => {
      const y = rowY(layer, entries.length);
      const owner = owners.has(layer);
      const note = problem ?? (windowed ? words.picture.window : '');
      return [
        disc(DISCS_X, y, DISC, {
          fill: owner ? light.accent : light.paper,
          stroke: owner ? light.accent : light.soft,
          strokeWidth: 1.5,
          dash: windowed ? [4, 3] : [],
        }),
        textShape(String(layer), DISCS_X, y + 4, {
          ...{ sizePx: 12, anchor: 'middle', bold: owner },
          fill: owner ? light.paper : light.soft,
        }),
        textShape(`${text === '' ? words.picture.empty : text}  ${note}`, ARCS_X + ARCS_PX + 10, y + 5, said),
      ];
    }),
  ];
  const legend: readonly LegendItem[] = [
    { label: words.legend.owner, color: light.accent, mark: 'box' },
    { label: words.legend.reader, color: light.soft, mark: 'outlined box' },
    ...(arcs.some(({ above }) => !above)
      ? [{ label: words.legend.readsBelow, color: light.accent, mark: 'line' } as const]
      : []),
    ...(groups.some(({ iterated }) => iterated)
      ? [{ label: words.legend.above(passes), color: light.warm, mark: 'line' } as const]
      : []),
    ...(entries.some(({ windowed }) => windowed)
      ? [{ label: words.legend.windowed, color: light.soft, mark: 'dashed line' } as const]
      : []),
  ];
  return { title, widthPx: WIDTH, heightPx: entries.length * ROW_PX, shapes, legend };
}
