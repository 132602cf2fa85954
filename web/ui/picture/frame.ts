import { markerPath, type SeriesLook } from '../plot/series-look.ts';
import { light, line, pathShape, rect, textShape, type Drawing, type Shape } from './shapes.ts';

/** How something is drawn, in words. */
export interface LegendItem {
  readonly label: string;
  readonly color: string;
  readonly mark: 'line' | 'dashed line' | 'box' | 'outlined box';
  /** What tells its line from others of a chart; a plain one has no dashes of its own, and no points. */
  readonly look?: Pick<SeriesLook, 'dash' | 'marker'>;
}

/** The dashes of a legend's line whose chart has only one kind of them. */
export const DASHES: readonly number[] = [6, 4];
/** The points on a legend's line. */
export const LEGEND_RADIUS = 3.5;

/** A figure without the frame that all pictures share. Its shapes start at 0, 0. */
export interface Figure {
  readonly title: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly shapes: readonly Shape[];
  readonly legend: readonly LegendItem[];
}

const MARGIN = 20;
const TITLE_PX = 17;
const SMALL_PX = 12;
const LINE_PX = 17;
/** Width of a letter as a fraction of its size, on average, on the safe side. */
const LETTER = 0.56;
const MARK_PX = 24;

/** Adds what makes a figure readable by itself: a title above, a legend and a caption below. */
export function framed(
  { title, widthPx, heightPx, shapes, legend }: Figure,
  caption: readonly string[],
): Drawing {
  const inside = widthPx;
  const titles = wrapped(title, charactersIn(inside, TITLE_PX));
  const top = MARGIN + titles.length * 23 + 6;
  const rows = legendRows(legend, inside);
  const legendTop = top + heightPx + (rows.length > 0 ? 12 : 0);
  const captionTop = legendTop + rows.length * 20 + 14;
  const captions = caption.flatMap((each) => wrapped(each, charactersIn(inside, SMALL_PX)));
  return {
    title,
    widthPx: inside + 2 * MARGIN,
    heightPx: captionTop + captions.length * LINE_PX + MARGIN,
    shapes: [
      ...titles.map((text, i) =>
        textShape(text, MARGIN, MARGIN + 14 + 23 * i, { sizePx: TITLE_PX, bold: true }),
      ),
      ...shapes.map((shape) => moved(shape, MARGIN, top)),
      ...rows.flatMap((row, i) =>
        row.flatMap(({ item, x }) => legendItem(item, MARGIN + x, legendTop + 20 * i)),
      ),
      line(MARGIN, captionTop - 4, MARGIN + inside, captionTop - 4, { stroke: light.line }),
      ...captions.map((text, i) =>
        textShape(text, MARGIN, captionTop + 14 + LINE_PX * i, { sizePx: SMALL_PX, fill: light.soft }),
      ),
    ],
  };
}

/** A shape at another place. */
export const moved = <S extends Shape>(shape: S, x: number, y: number): S => ({
  ...shape,
  x: shape.x + x,
  y: shape.y + y,
});

const charactersIn = (widthPx: number, sizePx: number) => Math.floor(widthPx / (LETTER * sizePx));

export const widthOf = (text: string, sizePx: number) => LETTER * sizePx * Array.from(text).length;

/** A text in lines of at most so many characters, cut at spaces if there are any. */
export function wrapped(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  let current: readonly string[] = [];
  const push = () => {
    if (current.length > 0) lines.push(current.join(''));
    current = [];
  };
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    let rest: readonly string[] = Array.from(word);
    if (current.length > 0 && current.length + 1 + rest.length <= most) {
      current = [...current, ' ', ...rest];
      continue;
    }
    push();
    for (; rest.length > most; rest = rest.slice(most)) lines.push(rest.slice(0, most).join(''));
    current = rest;
  }
  push();
  return lines;
}

/** Items from left to right, in as many rows as they need. */
function legendRows(legend: readonly LegendItem[], widthPx: number) {
  const rows: { readonly item: LegendItem; readonly x: number }[][] = [];
  let x = Infinity;
  for (const item of legend) {
    const width = MARK_PX + 6 + widthOf(item.label, SMALL_PX) + 18;
    if (x + width > widthPx) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ item, x });
    x += width;
  }
  return rows;
}

function legendItem({ label, color, mark, look }: LegendItem, x: number, y: number): readonly Shape[] {
  const middle = y + 10;
  const lineOf = (dash: readonly number[]) =>
    pathShape(`M0 0h${MARK_PX}`, { stroke: color, strokeWidth: 2, dash }, x, middle);
  const drawn = {
    line: () => lineOf([]),
    'dashed line': () => lineOf(look?.dash ?? DASHES),
    box: () => rect(x + 6, middle - 6, 12, 12, { fill: color }),
    'outlined box': () => rect(x + 6, middle - 6, 12, 12, { stroke: color, strokeWidth: 1.5 }),
  };
  return [
    drawn[mark](),
    ...(look
      ? [pathShape(markerPath(look.marker, LEGEND_RADIUS), { fill: color }, x + MARK_PX / 2, middle)]
      : []),
    textShape(label, x + MARK_PX + 6, middle + 4, { sizePx: SMALL_PX, fill: light.soft }),
  ];
}
