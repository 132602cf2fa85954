import { ticksBetween } from '../../ui/picture/ticks.ts';
import { columnOf, darknessOf, type Columns, type Filled } from './columns.ts';
import type { Positions } from './held-cache.ts';

/** A layer's row of cells. */
export interface CellRow {
  readonly layer: number;
  /** Whether the model has such a layer; a text may have too many entries. */
  readonly exists: boolean;
  /** The layer that it reads instead of holding rows; null if it holds rows, or its entry is wrong. */
  readonly reads: string | null;
  /** What the caches hold: one for all KV heads if they hold the same. */
  readonly stripes: readonly Filled[];
  /** What the edited plan would hold. */
  readonly planned: readonly Positions[];
  /** Whether the pointer lights it. */
  readonly lit: boolean;
  /** The keys that a token sees that is pointed at; null if none is. */
  readonly seen: Positions | null;
}

/** All that the canvas shows. */
export interface CellScene {
  /** From top to bottom. */
  readonly rows: readonly CellRow[];
  readonly rowPx: number;
  readonly columns: Columns;
  /** Tokens that plain LLaMA's boxes are long. */
  readonly tokens: number;
  /** Whether the cells are those of another plan. */
  readonly pale: boolean;
  /** What is pointed at: a row, by its place, and a column. */
  readonly pointed: { readonly row: number; readonly column: number } | null;
}

export interface Palette {
  readonly cell: string;
  readonly leaving: string;
  readonly box: string;
  readonly ink: string;
  readonly soft: string;
  readonly font: string;
}

/** Height of the axis below the rows. */
export const AXIS_PX = 18;
const AROUND_PX = 4;
/** Part of the way that a cell fades with each frame. */
const FADE = 0.25;
const DIM = 0.22;
const PALE = 0.35;
/** Thinner stripes for KV heads would not be seen: they are merged. */
export const THINNEST_PX = 3;

/** Paints rows of cells, and fades what arrives and leaves from one frame to the next. */
export class CellPainter {
  readonly #shown = new Map<string, Float32Array>();
  #mapped = '';

  /**
   * @param scale pixels of the canvas per CSS pixel
   * @param still whether cells come and go at once
   * @returns whether the next frame will look the same
   */
  paint(
    context: CanvasRenderingContext2D,
    scene: CellScene,
    palette: Palette,
    scale: number,
    still: boolean,
  ): boolean {
    const { rows, rowPx, columns } = scene;
    const mapped = `${columns.first} ${columns.tokensEach}`;
    // Cells that stand for other tokens than before do not fade into each other.
    const jumps = still || mapped !== this.#mapped;
    this.#mapped = mapped;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    let arrived = true;
    for (const [i, row] of rows.entries()) {
      const top = i * rowPx + AROUND_PX;
      paintOutlines(context, row, top, scene, palette);
      const height = rowPx - 2 * AROUND_PX;
      const stripePx = height / Math.max(1, row.stripes.length);
      for (const [stripe, filled] of row.stripes.entries()) {
        const shown = this.#approach(`${row.layer} ${stripe}`, filled.held, jumps);
        arrived &&= shown.arrived;
        const gapPx = stripe + 1 < row.stripes.length ? 1 : 0;
        const box = { top: top + stripe * stripePx, height: stripePx - gapPx };
        paintCells(context, row, filled, shown.amounts, box, scene, palette);
      }
    }
    context.globalAlpha = 1;
    paintAxis(context, scene, palette);
    if (scene.pointed) paintPointed(context, scene.pointed, scene, palette);
    return arrived;
  }

  /** Moves what is shown of a stripe towards what is held. */
  #approach(key: string, held: Float32Array, jumps: boolean): { amounts: Float32Array; arrived: boolean } {
    let amounts = this.#shown.get(key);
    if (amounts?.length !== held.length) {
      const longer = new Float32Array(held.length);
      if (amounts) longer.set(amounts.subarray(0, held.length));
      amounts = longer;
      this.#shown.set(key, amounts);
    }
    let arrived = true;
    for (let i = 0; i < held.length; i++) {
      const [is = 0, wanted = 0] = [amounts[i], held[i]];
      const near = jumps || Math.abs(wanted - is) < 0.02;
      amounts[i] = near ? wanted : is + FADE * (wanted - is);
      arrived &&= near;
    }
    return { amounts, arrived };
  }
}

const xOf = ({ first, tokensEach, widthPx }: Columns, position: number) =>
  ((position - first) / tokensEach) * widthPx;

const viewPx = ({ count, widthPx }: Columns) => count * widthPx;

/** Plain LLaMA's box, and the dashes around what the edited plan would hold. */
function paintOutlines(
  context: CanvasRenderingContext2D,
  row: CellRow,
  top: number,
  { columns, tokens, rowPx }: CellScene,
  palette: Palette,
): void {
  const height = rowPx - 2 * AROUND_PX;
  const rightPx = Math.min(viewPx(columns), xOf(columns, tokens));
  if (!row.exists) return;
  context.globalAlpha = row.lit ? 1 : 0.5;
  context.strokeStyle = palette.box;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.strokeRect(0.5, top + 0.5, Math.max(1, rightPx - 1), height - 1);
  context.strokeStyle = palette.cell;
  context.lineWidth = 1.5;
  context.setLineDash([4, 3]);
  for (const { from, to } of row.planned) {
    const left = Math.max(0, xOf(columns, from));
    const width = Math.min(viewPx(columns), xOf(columns, to)) - left;
    if (width > 0) context.strokeRect(left + 0.75, top + 0.75, Math.max(1, width - 1.5), height - 1.5);
  }
  context.setLineDash([]);
  if (row.reads !== null) {
    context.fillStyle = palette.soft;
    context.font = `12px ${palette.font}`;
    context.textBaseline = 'middle';
    context.textAlign = 'start';
    context.fillText(row.reads, 8, top + height / 2 + 0.5, Math.max(1, rightPx - 16));
  }
}

function paintCells(
  context: CanvasRenderingContext2D,
  row: CellRow,
  { held, score }: Filled,
  amounts: Float32Array,
  { top, height }: { readonly top: number; readonly height: number },
  { columns, pale }: CellScene,
  palette: Palette,
): void {
  const { widthPx } = columns;
  const highest = score.reduce((most, each) => Math.max(most, each), 0);
  const gap = widthPx > 3 ? 1 : 0;
  const [seenFrom, seenTo] = row.seen
    ? [columnOf(columns, row.seen.from), columnOf(columns, Math.max(0, row.seen.to - 1))]
    : [-Infinity, Infinity];
  for (let i = 0; i < amounts.length; i++) {
    const amount = amounts[i] ?? 0;
    if (amount === 0) continue;
    const light = !row.lit || i < seenFrom || i > seenTo ? DIM : 1;
    const leaves = (held[i] ?? 0) < amount - 0.02;
    context.globalAlpha = amount * darknessOf(score[i] ?? 0, highest) * light * (pale ? PALE : 1);
    context.fillStyle = leaves ? palette.leaving : palette.cell;
    // What leaves shrinks as well, for those who do not see its color.
    const shrunk = leaves ? height * Math.min(1, amount) : height;
    context.fillRect(i * widthPx, top + (height - shrunk) / 2, Math.max(1, widthPx - gap), shrunk);
  }
}

function paintAxis(context: CanvasRenderingContext2D, scene: CellScene, palette: Palette): void {
  const { columns, rows, rowPx, tokens } = scene;
  const last = Math.min(tokens, columns.first + columns.count * columns.tokensEach) - 1;
  const top = rows.length * rowPx;
  context.fillStyle = palette.soft;
  context.font = `11px ${palette.font}`;
  context.textBaseline = 'alphabetic';
  context.textAlign = 'center';
  if (last <= columns.first) return;
  const ticks = ticksBetween(columns.first, last, Math.max(3, Math.floor(viewPx(columns) / 70)));
  for (const position of ticks) {
    if (!Number.isInteger(position)) continue;
    const x = xOf(columns, position + 0.5);
    context.fillRect(x - 0.5, top, 1, 4);
    context.fillText(position.toLocaleString('en'), Math.max(6, x), top + 15);
  }
}

function paintPointed(
  context: CanvasRenderingContext2D,
  { row, column }: { readonly row: number; readonly column: number },
  { columns, rowPx, rows }: CellScene,
  palette: Palette,
): void {
  const x = column * columns.widthPx;
  context.strokeStyle = palette.ink;
  context.lineWidth = 1;
  context.globalAlpha = 0.5;
  context.strokeRect(x - 0.5, 0.5, columns.widthPx, rows.length * rowPx - 1);
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.strokeRect(
    x,
    row * rowPx + AROUND_PX - 1,
    Math.max(3, columns.widthPx - 1),
    rowPx - 2 * AROUND_PX + 2,
  );
}
