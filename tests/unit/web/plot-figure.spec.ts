import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../web/ui/picture/frame.ts';
import { linearAxis, logAxis } from '../../../web/ui/plot/plot-axis.ts';
import { plotFigure, type PlotPoint } from '../../../web/ui/plot/plot-figure.ts';

interface Told {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** The texts beside points, with the boxes that they cover. */
function textsOf(told: readonly Told[], widthPx: number) {
  const points = told.map(({ x, y, label }): PlotPoint => ({
    ...{ x, y, label },
    ...{ range: null, radiusPx: 7, hollow: false },
  }));
  const labels = new Set(told.map(({ label }) => label));
  const { shapes } = plotFigure(
    {
      title: 'Throughput',
      x: logAxis('sequences', [1, ...told.map(({ x }) => x)], (value) => `× ${value}`),
      y: linearAxis('tokens/s', [...told.map(({ y }) => y)], (value) => `= ${value}`, true),
      series: points.map((point, i) => ({ label: `plan ${i}`, points: [point], joined: true, level: null })),
      ...{ frontier: [], legend: [] },
    },
    widthPx,
  );
  return shapes.flatMap((shape) => {
    if (shape.kind !== 'text' || !labels.has(shape.text)) return [];
    const { text, x, y, sizePx } = shape;
    return [{ text, left: x, right: x + widthOf(text, sizePx), top: y - sizePx, bottom: y + 3 }];
  });
}

/** Whether two stretches have more in common than an end, which is rounded. */
const meet = (from: number, to: number, otherFrom: number, otherTo: number) =>
  Math.min(to, otherTo) - Math.max(from, otherFrom) > 0.01;

/** Pairs of texts of which one covers a part of the other. */
const overlaps = (texts: ReturnType<typeof textsOf>) =>
  texts.flatMap((a, i) =>
    texts
      .slice(i + 1)
      .filter((b) => meet(a.left, a.right, b.left, b.right) && meet(a.top, a.bottom, b.top, b.bottom))
      .map((b) => `${a.text} and ${b.text}`),
  );

describe('Texts beside the points of a plot', () => {
  const widths = [280, 400, 720];

  it.each(widths)('do not overlap if plans are equally fast, %i px wide', (widthPx) => {
    const told = Array.from({ length: 6 }, (_, i) => ({ x: 8, y: 120, label: `8 of ${100 + i} fit` }));
    const texts = textsOf(told, widthPx);
    expect(texts.map(({ text }) => text)).toEqual(told.map(({ label }) => label));
    expect(overlaps(texts)).toEqual([]);
  });

  it.each(widths)('do not overlap if plans are nearly as fast, %i px wide', (widthPx) => {
    const told = Array.from({ length: 6 }, (_, i) => ({ x: 8 + i / 4, y: 120 + i, label: `${800 + i}` }));
    expect(overlaps(textsOf(told, widthPx))).toEqual([]);
  });

  it('say once what points in one place have in common', () => {
    const told = [120, 120.1, 40].map((y) => ({ x: 8, y, label: '8' }));
    expect(textsOf(told, 400)).toHaveLength(2);
  });

  it('stay beside their points where there is room', () => {
    const [text] = textsOf([{ x: 8, y: 120, label: '8' }], 400);
    const [again] = textsOf(
      [
        { x: 8, y: 120, label: '8' },
        { x: 8, y: 20, label: '9' },
      ],
      400,
    );
    expect(again).toEqual(text);
  });
});
