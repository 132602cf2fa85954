/** How a mark looks. The page's colors say what each is, in light and dark. */
export type Look = 'held' | 'pale' | 'gone' | 'warm' | 'line';

export type Mark =
  | {
      readonly kind: 'box';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly look: Look;
    }
  | { readonly kind: 'path'; readonly d: string; readonly look: Look }
  | {
      readonly kind: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly anchor: 'start' | 'middle' | 'end';
    };

/** A small picture, {@link WIDTH} wide. */
export interface Sketch {
  /** What it shows, for whoever does not see it. */
  readonly description: string;
  readonly height: number;
  readonly marks: readonly Mark[];
}

export const WIDTH = 320;
const LEFT = 84;

const box = (x: number, y: number, width: number, height: number, look: Look): Mark => ({
  kind: 'box',
  ...{ x, y, width, height, look },
});
const text = (x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end' = 'start'): Mark => ({
  kind: 'text',
  ...{ x, y, text: words, anchor },
});
const path = (d: string, look: Look): Mark => ({ kind: 'path', d, look });

/** A row of cells, with a name before it. */
export interface CellRow {
  readonly name: string;
  readonly cells: readonly Look[];
}

/** Rows of cells: tokens of a text, as caches hold them. */
export function cellRows(description: string, rows: readonly CellRow[]): Sketch {
  const most = Math.max(1, ...rows.map(({ cells }) => cells.length));
  const step = Math.min(16, (WIDTH - LEFT) / most);
  return {
    description,
    height: 24 * rows.length + 4,
    marks: rows.flatMap(({ name, cells }, row) => [
      text(LEFT - 8, 24 * row + 17, name, 'end'),
      ...cells.map((look, i) => box(LEFT + i * step, 24 * row + 5, step - 2, 15, look)),
    ]),
  };
}

/** So many cells of one look after another: `of([2, 'held'], [3, 'gone'])`. */
export const of = (...runs: readonly (readonly [count: number, look: Look])[]): readonly Look[] =>
  runs.flatMap(([count, look]) => new Array<Look>(Math.max(0, Math.round(count))).fill(look));

/**
 * Bars that show probabilities: outlined before, filled after.
 *
 * @param after may be shorter or hold zeros, for what is cut off
 */
export function chances(
  description: string,
  before: readonly number[],
  after: readonly number[],
  names: readonly string[] = [],
): Sketch {
  const step = (WIDTH - 8) / before.length;
  const most = Math.max(...before, ...after);
  const heightOf = (value: number) => (78 * value) / most;
  return {
    description,
    height: 106,
    marks: before.flatMap((value, i) => {
      const [x, width, now] = [4 + i * step, step - 6, after[i] ?? 0];
      return [
        box(x, 84 - heightOf(now), width, heightOf(now), 'held'),
        box(x, 84 - heightOf(value), width, heightOf(value), 'gone'),
        text(x + width / 2, 100, names[i] ?? '', 'middle'),
      ];
    }),
  };
}

/** A layer of a plan. */
export interface SketchedLayer {
  readonly reads: number;
  readonly windowed: boolean;
}

/** The most layers that are drawn. */
const MOST_LAYERS = 10;

/** Layers, the last one above: owners are filled, and every reader has an arc to the layer that it reads. */
export function planSketch(description: string, plan: readonly SketchedLayer[]): Sketch {
  const layers = plan.slice(0, MOST_LAYERS);
  const owners = new Set(plan.map(({ reads }) => reads));
  const yOf = (layer: number) => 6 + 15 * (Math.min(layers.length, MOST_LAYERS) - 1 - layer);
  return {
    description,
    height: 15 * layers.length + 8,
    marks: layers.flatMap(({ reads, windowed }, layer): Mark[] => {
      const y = yOf(layer);
      const arc = (from: number, to: number) => {
        const bend = 14 + 7 * Math.abs(to - from);
        return path(
          `M120 ${yOf(from) + 6}C${120 - bend} ${yOf(from) + 6} ${120 - bend} ${yOf(to) + 6} 120 ${yOf(to) + 6}`,
          to > from ? 'warm' : 'line',
        );
      };
      return [
        box(122, y, 60, 12, owners.has(layer) ? 'held' : 'pale'),
        text(190, y + 10, `${layer}${windowed ? ' s' : ''}`),
        ...(reads === layer || reads >= layers.length ? [] : [arc(layer, reads)]),
      ];
    }),
  };
}

/** Blocks behind one another along time. */
export function timeline(
  description: string,
  rows: readonly {
    readonly name: string;
    readonly blocks: readonly (readonly [width: number, look: Look])[];
  }[],
): Sketch {
  const whole = Math.max(...rows.map(({ blocks }) => blocks.reduce((sum, [width]) => sum + width, 0)));
  const scale = (WIDTH - LEFT) / whole;
  return {
    description,
    height: 24 * rows.length + 4,
    marks: rows.flatMap(({ name, blocks }, row) => {
      let x = LEFT;
      return [
        text(LEFT - 8, 24 * row + 17, name, 'end'),
        ...blocks.map(([width, look]) => {
          const mark = box(x, 24 * row + 5, Math.max(1, width * scale - 2), 15, look);
          x += width * scale;
          return mark;
        }),
      ];
    }),
  };
}

/** One or two curves over the same steps, from 0 to 1. */
export function curves(
  description: string,
  lines: readonly { readonly look: Look; readonly values: readonly number[] }[],
): Sketch {
  return {
    description,
    height: 92,
    marks: [
      path(`M6 86H${WIDTH - 6}M6 86V4`, 'pale'),
      ...lines.map(({ look, values }) =>
        path(
          `M${values.map((value, i) => `${Math.round(6 + ((WIDTH - 12) * i) / Math.max(1, values.length - 1))} ${Math.round(86 - 78 * value)}`).join('L')}`,
          look,
        ),
      ),
    ],
  };
}

/** A number line on which only some values can be kept. */
export function levels(
  description: string,
  counts: readonly { readonly name: string; readonly count: number }[],
): Sketch {
  return {
    description,
    height: 24 * counts.length + 4,
    marks: counts.flatMap(({ name, count }, row) => {
      const y = 24 * row + 5;
      const ticks = Array.from({ length: count }, (_, i) =>
        Math.round(LEFT + ((WIDTH - LEFT - 2) * i) / Math.max(1, count - 1)),
      );
      return [text(LEFT - 8, y + 12, name, 'end'), path(ticks.map((x) => `M${x} ${y}v15`).join(''), 'line')];
    }),
  };
}
