import type { Figure } from '../picture/frame.ts';
import { light, pathShape, rect, rectPath, textShape, type Shape } from '../picture/shapes.ts';
import { ticksBetween } from '../picture/ticks.ts';
import { columnsFor, darknessOf, fillColumns } from './columns.ts';
import { rowsOf, type HeldCache, type HeldStore } from './held-cache.ts';
import { layerStretches } from './layer-stretches.ts';
import { words } from './words.ts';

const WIDTH = 720;
const LEFT = 120;
const RIGHT = 92;
const ROW = 30;
/** Cells of the same shade are one path, so that a long text makes no huge file. */
const SHADES = 24;

/** What each store holds, as a picture: a row per store, a column per token, as strong in color as its score. */
export function cacheFigure(title: string, { textTokens, stores }: HeldCache): Figure {
  const columns = columnsFor(textTokens, WIDTH - LEFT - RIGHT);
  const bottom = ROW * stores.length;
  const soft = { sizePx: 12, fill: light.soft } as const;
  const toX = (position: number) => LEFT + (columns.widthPx * (position + 0.5)) / columns.tokensEach;
  const right = LEFT + columns.widthPx * columns.count;
  const scored = stores.some(({ heads }) => heads.some(({ scores }) => scores !== null));
  return {
    title,
    widthPx: WIDTH,
    heightPx: bottom + 40,
    shapes: [
      ...stores.flatMap((store, i): readonly Shape[] => [
        textShape(words.layer(store.owner), 0, ROW * i + 12, { sizePx: 12, bold: true }),
        textShape(words.readBy(layerStretches(store.readers)), 0, ROW * i + 25, { ...soft, sizePx: 11 }),
        rect(LEFT, ROW * i, right - LEFT, ROW - 6, { fill: light.sunken }),
        ...cellsOf(store, columns, textTokens, ROW * i),
        textShape(words.rows(rowsIn(store), textTokens), right + 10, ROW * i + 16, soft),
      ]),
      ...ticksBetween(0, textTokens - 1, 8).map((position) =>
        textShape(position.toLocaleString('en'), toX(position), bottom + 12, { ...soft, anchor: 'middle' }),
      ),
      textShape(words.axisPosition, right, bottom + 30, { ...soft, anchor: 'end' }),
    ],
    legend: [
      { label: scored ? words.heldByScore : words.heldRow, color: light.accent, mark: 'box' },
      { label: words.evicted, color: light.sunken, mark: 'box' },
    ],
  };
}

const rowsIn = ({ heads }: HeldStore) => (heads[0] ? rowsOf(heads[0]) : 0);

function cellsOf(
  { heads }: HeldStore,
  columns: ReturnType<typeof columnsFor>,
  textTokens: number,
  y: number,
): readonly Shape[] {
  const { held, score } = fillColumns(heads, columns, textTokens);
  const highest = score.reduce((most, each) => Math.max(most, each), 0);
  const gap = columns.widthPx > 3 ? 1 : 0;
  const byShade = new Map<number, string>();
  for (const [column, amount] of held.entries()) {
    const shade = Math.round(SHADES * amount * darknessOf(score[column] ?? 0, highest));
    if (shade === 0) continue;
    const cell = rectPath(LEFT + column * columns.widthPx, y, columns.widthPx - gap, ROW - 6);
    byShade.set(shade, `${byShade.get(shade) ?? ''}${cell}`);
  }
  return [...byShade].map(([shade, path]) =>
    pathShape(path, { fill: light.accent, opacity: shade / SHADES }),
  );
}
