import { groupsOf } from '../../../gpu/plan/forward-plan.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import { formatBytes, formatPercent } from '../../ui/format.ts';
import type { Figure, LegendItem } from '../../ui/picture/frame.ts';
import { disc, light, pathShape, rect, rectPath, textShape, type Shape } from '../../ui/picture/shapes.ts';
import { ticksBetween } from '../../ui/picture/ticks.ts';
import type { KvBytes } from './cache-state.svelte.ts';
import { columnsFor, darknessOf, fillColumns, type Columns } from './columns.ts';
import { arcsX, planPx, rowPxOf, rowY, type Geometry } from './geometry.ts';
import type { HeldCache, HeldStore } from './held-cache.ts';
import { readEntries, type EditedLayer } from './plan-edit.ts';
import { arcsOf, bracketsOf } from './plan-picture.ts';
import type { PlannedStore } from './planned-cache.ts';
import { words } from './words.ts';

/** What a saved picture shows. */
export interface Pictured {
  readonly layerTypes: string;
  readonly layerCount: number;
  readonly passes: number;
  /** What the caches of a run under this plan hold; null if there is none. */
  readonly cache: HeldCache | null;
  readonly planned: readonly Pick<PlannedStore, 'owner' | 'ranges'>[];
  readonly tokens: number;
  readonly bytesOf: (layer: number) => number | null;
  readonly total: KvBytes | null;
}

const WIDTH = 960;
const AROUND = 4;
/** Cells of the same shade are one path, so that a long text makes no huge file. */
const SHADES = 24;

/** The plan and its cache, to be saved: layers from the last to the first, arrows to whose KV they read, and cells. */
export function pictureFigure(title: string, pictured: Pictured): Figure {
  const { layerTypes, layerCount, passes, tokens, total } = pictured;
  const entries = readEntries(layerTypes, layerCount);
  const rowPx = rowPxOf(layerCount);
  const geometry = { rowPx, discPx: rowPx - 4, bracketsPx: 38, arcsPx: 150, entryPx: 90, bytesPx: 80 };
  const left = planPx(geometry);
  const columns = columnsFor({ from: 0, to: tokens }, WIDTH - left - geometry.bytesPx);
  const bottom = entries.length * rowPx;
  const soft = { sizePx: 12, fill: light.soft } as const;
  const axis = ticksBetween(0, tokens - 1, 8).map((position) =>
    textShape(
      position.toLocaleString('en'),
      left + (columns.widthPx * (position + 0.5)) / columns.tokensEach,
      bottom + 14,
      { ...soft, sizePx: 11, anchor: 'middle' },
    ),
  );
  const sums = total
    ? [
        textShape(formatBytes(total.bytes), WIDTH, bottom + 22, { sizePx: 20, bold: true, anchor: 'end' }),
        textShape(
          words.bytes.of(formatBytes(total.plainBytes), formatPercent(total.bytes / total.plainBytes)),
          ...([WIDTH, bottom + 40, { ...soft, anchor: 'end' }] as const),
        ),
      ]
    : [];
  const label = textShape(words.cells.axis, left, bottom + 32, { ...soft, sizePx: 11 });
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 46,
    shapes: [
      ...planShapes(entries, geometry, pictured),
      ...entries.flatMap((entry) => cellShapes(entry, entries.length, geometry, columns, pictured)),
      ...axis,
      label,
      ...sums,
    ],
    legend: legendOf(entries, passes, pictured.cache),
  };
}

function planShapes(
  entries: readonly EditedLayer[],
  geometry: Geometry,
  { layerTypes, layerCount, passes }: Pictured,
): readonly Shape[] {
  const owners = new Set(entries.map(({ readsFrom }) => readsFrom));
  const parsed = parseLayerTypes(layerTypes, layerCount);
  const groups = parsed.ok ? groupsOf(parsed.value) : [];
  const discsX = geometry.bracketsPx + geometry.discPx / 2;
  const left = arcsX(geometry);
  return [
    ...bracketsOf(groups, entries.length, geometry).flatMap(({ path, labelY }) => [
      pathShape(path, { stroke: light.warm, strokeWidth: 1.6 }),
      textShape(`${passes}×`, geometry.bracketsPx - 13, labelY + 4, {
        ...{ sizePx: 12, bold: true, anchor: 'end', fill: light.warm },
      }),
    ]),
    ...arcsOf(entries, geometry).flatMap(({ path, tip, windowed, above }) => {
      const color = above ? light.warm : light.accent;
      return [
        pathShape(path, { stroke: color, strokeWidth: 1.5, dash: windowed ? [4, 3] : [] }, left),
        pathShape(tip, { fill: color }, left),
      ];
    }),
    ...entries.flatMap(({ layer, text, windowed, problem }) => {
      const y = rowY(layer, entries.length, geometry.rowPx);
      const owner = owners.has(layer);
      const note = problem ?? (windowed ? words.picture.window : '');
      return [
        disc(discsX, y, geometry.discPx / 2, {
          fill: owner ? light.accent : light.paper,
          stroke: owner ? light.accent : light.soft,
          strokeWidth: 1.5,
          dash: windowed ? [4, 3] : [],
        }),
        textShape(String(layer), discsX, y + 4, {
          ...{ sizePx: 12, anchor: 'middle', bold: owner },
          fill: owner ? light.paper : light.soft,
        }),
        textShape(
          `${text === '' ? words.picture.empty : text}  ${note}`,
          left + geometry.arcsPx + 8,
          y + 5,
          ...([{ sizePx: 13, fill: light.soft }] as const),
        ),
      ];
    }),
  ];
}

/** A layer's row of cells, over plain LLaMA's box and what the plan would hold, with its bytes. */
function cellShapes(
  { layer, problem }: EditedLayer,
  rows: number,
  geometry: Geometry,
  columns: Columns,
  { cache, planned, tokens, bytesOf }: Pictured,
): readonly Shape[] {
  if (problem !== null) return [];
  const { rowPx } = geometry;
  const left = planPx(geometry);
  const top = rowY(layer, rows, rowPx) - rowPx / 2 + AROUND;
  const height = rowPx - 2 * AROUND;
  const toX = (position: number) => left + (columns.widthPx * position) / columns.tokensEach;
  const store = cache?.stores.find(({ owner }) => owner === layer);
  const outlines = cache ? [] : (planned.find(({ owner }) => owner === layer)?.ranges ?? []);
  const bytes = bytesOf(layer);
  return [
    rect(left, top, toX(tokens) - left, height, { stroke: light.soft, opacity: 0.5 }),
    ...outlines.map(({ from, to }) =>
      rect(toX(from), top, toX(to) - toX(from), height, {
        ...{ stroke: light.accent, strokeWidth: 1.5, dash: [4, 3] },
      }),
    ),
    ...(store ? storeShapes(store, columns, tokens, left, top, height) : []),
    ...(bytes === null
      ? []
      : [textShape(formatBytes(bytes), WIDTH, top + height / 2 + 4, { sizePx: 12, anchor: 'end' })]),
  ];
}

function storeShapes(
  { heads }: HeldStore,
  columns: Columns,
  tokens: number,
  left: number,
  top: number,
  height: number,
): readonly Shape[] {
  const { held, score } = fillColumns(heads, columns, tokens);
  const highest = score.reduce((most, each) => Math.max(most, each), 0);
  const gap = columns.widthPx > 3 ? 1 : 0;
  const byShade = new Map<number, string>();
  for (const [column, amount] of held.entries()) {
    const shade = Math.round(SHADES * amount * darknessOf(score[column] ?? 0, highest));
    if (shade === 0) continue;
    const cell = rectPath(left + column * columns.widthPx, top, columns.widthPx - gap, height);
    byShade.set(shade, `${byShade.get(shade) ?? ''}${cell}`);
  }
  return [...byShade].map(([shade, path]) =>
    pathShape(path, { fill: light.accent, opacity: shade / SHADES }),
  );
}

function legendOf(
  entries: readonly EditedLayer[],
  passes: number,
  cache: HeldCache | null,
): readonly LegendItem[] {
  const reads = entries.flatMap(({ layer, readsFrom }) => (readsFrom === null ? [] : [readsFrom - layer]));
  const scored = cache?.stores.some(({ heads }) => heads.some(({ scores }) => scores !== null)) ?? false;
  const when = (shown: boolean, item: LegendItem) => (shown ? [item] : []);
  return [
    { label: words.legend.owner, color: light.accent, mark: 'box' },
    { label: words.legend.reader, color: light.soft, mark: 'outlined box' },
    ...when(
      reads.some((by) => by < 0),
      { label: words.legend.readsBelow, color: light.accent, mark: 'line' },
    ),
    ...when(
      reads.some((by) => by > 0),
      { label: words.legend.above(passes), color: light.warm, mark: 'line' },
    ),
    ...when(
      entries.some(({ windowed }) => windowed),
      { label: words.legend.windowed, color: light.soft, mark: 'dashed line' },
    ),
    ...when(cache !== null, {
      ...{ color: light.accent, mark: 'box' },
      label: scored ? words.legend.heldByScore : words.legend.held,
    }),
    ...when(cache === null, { label: words.legend.planned, color: light.accent, mark: 'dashed line' }),
    { label: words.legend.plain, color: light.soft, mark: 'outlined box' },
  ];
}
