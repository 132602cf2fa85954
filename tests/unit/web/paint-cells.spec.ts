import { describe, expect, it } from 'vitest';
import { columnsFor, fillColumns } from '../../../web/panels/picture/columns.ts';
import { CellPainter, type CellRow, type CellScene } from '../../../web/panels/picture/paint-cells.ts';

const palette = { cell: 'cell', leaving: 'leaving', box: 'box', ink: 'ink', soft: 'soft', font: 'serif' };

interface Painted {
  readonly what: 'cell' | 'leaving' | 'box' | 'dashes';
  readonly x: number;
  readonly width: number;
  readonly alpha: number;
}

/** A canvas that notes what is painted on it. */
function noted() {
  const painted: Painted[] = [];
  let dashed = false;
  const context = {
    canvas: { width: 800, height: 400 },
    globalAlpha: 1,
    fillStyle: '',
    strokeStyle: '',
    setTransform: () => undefined,
    clearRect: () => undefined,
    fillText: () => undefined,
    setLineDash: (dash: readonly number[]) => (dashed = dash.length > 0),
    fillRect(x: number, _y: number, width: number) {
      if (this.fillStyle === 'cell' || this.fillStyle === 'leaving') {
        painted.push({ what: this.fillStyle, x, width, alpha: this.globalAlpha });
      }
    },
    strokeRect(x: number, _y: number, width: number) {
      if (dashed) painted.push({ what: 'dashes', x, width, alpha: this.globalAlpha });
      else if (this.strokeStyle === 'box') painted.push({ what: 'box', x, width, alpha: this.globalAlpha });
    },
  };
  return { painted, context: context as unknown as CanvasRenderingContext2D }; // as far as it is used
}

const columns = columnsFor({ from: 0, to: 10 }, 100);
const row = (from: number, to: number, more: Partial<CellRow> = {}): CellRow => ({
  ...{ layer: 0, exists: true, reads: null, planned: [], lit: true, seen: null },
  stripes: from < to ? [fillColumns([{ ranges: [{ from, to }], scores: null }], columns, to)] : [],
  ...more,
});
const scene = (rows: readonly CellRow[], more: Partial<CellScene> = {}): CellScene => ({
  ...{ rows, rowPx: 28, columns, tokens: 10, pale: false, pointed: null },
  ...more,
});

/** What a painter paints when everything has arrived. */
function still(what: CellScene) {
  const { painted, context } = noted();
  expect(new CellPainter().paint(context, what, palette, 1, true)).toBe(true);
  return painted;
}

describe('the cells on the canvas', () => {
  it('stand for the rows that are held, before plain LLaMA’s box, which is as long as the text', () => {
    const painted = still(scene([row(0, 4)]));
    expect(painted.filter(({ what }) => what === 'cell').map(({ x }) => x)).toEqual([0, 10, 20, 30]);
    expect(painted[0]).toMatchObject({ what: 'box', width: 99 });
  });

  it('are dashed where the plan would hold rows', () => {
    const painted = still(scene([row(0, 0, { planned: [{ from: 6, to: 10 }] })]));
    expect(painted.map(({ what }) => what)).toEqual(['box', 'dashes']);
    expect(painted[1]).toMatchObject({ x: 60.75, width: 38.5 });
  });

  it('stand back if another row is lit, or if a token does not see them, and are pale for another plan', () => {
    const alphas = (what: CellScene) =>
      still(what)
        .filter((each) => each.what === 'cell')
        .map(({ alpha }) => alpha);
    const [full = NaN] = alphas(scene([row(0, 1)]));
    const [dim = NaN] = alphas(scene([row(0, 1, { lit: false })]));
    expect(dim).toBeLessThan(full / 2);
    expect(alphas(scene([row(0, 3, { seen: { from: 1, to: 2 } })]))).toEqual([dim, full, dim]);
    expect(alphas(scene([row(0, 1)], { pale: true }))[0]).toBeLessThan(full);
  });

  it('fade in and out from one frame to the next, and end', () => {
    const painter = new CellPainter();
    const paint = (what: CellScene) => {
      const { painted, context } = noted();
      const arrived = painter.paint(context, what, palette, 1, false);
      return { arrived, cells: painted.filter(({ what: kind }) => kind === 'cell' || kind === 'leaving') };
    };
    paint(scene([row(0, 2)]));
    // A window of two slides: one cell arrives, one leaves.
    const slid = paint(scene([row(1, 3)]));
    expect(slid.arrived).toBe(false);
    expect(slid.cells.map(({ what }) => what)).toEqual(['leaving', 'cell', 'cell']);
    let frames = 1;
    while (!paint(scene([row(1, 3)])).arrived) frames++;
    expect(frames).toBeLessThan(30);
    expect(paint(scene([row(1, 3)])).cells.map(({ what }) => what)).toEqual(['cell', 'cell']);
  });

  it('of 48 layers with 200 columns each take less than 10 ms of our own work a frame', () => {
    const many = columnsFor({ from: 0, to: 10_000 }, 800);
    const heads = [{ ranges: [{ from: 0, to: 9000 }], scores: null }];
    const { context } = noted();
    const painter = new CellPainter();
    const times = Array.from({ length: 9 }, () => {
      const startMs = performance.now();
      const rows = Array.from({ length: 48 }, (_, layer) => ({
        ...row(0, 0, { layer }),
        stripes: [fillColumns(heads, many, 9000)],
      }));
      painter.paint(context, scene(rows, { columns: many, tokens: 10_000 }), palette, 1, false);
      return performance.now() - startMs;
    });
    expect(Math.min(...times)).toBeLessThan(10);
  });
});
