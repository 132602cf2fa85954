import { expect, it } from 'vitest';
import { barFigure } from '../../../web/ui/picture/bar-figure.ts';
import { light } from '../../../web/ui/picture/shapes.ts';

it('Bars on a narrow page have their whole labels above them, and no text on them', () => {
  const label = 'LCKV, warm-up layers 4, Sinks and recent (StreamingLLM)';
  const bars = [{ label, value: 323, range: null, text: '323 (310–330, 3 rounds)' }];
  const group = { axis: 'Speed', bars, format: String, binary: false };
  const boxes = (widthPx: number) => {
    const { shapes } = barFigure('Speeds', [group], [], widthPx);
    const said = shapes.find((shape) => shape.kind === 'text' && shape.text === label);
    const bar = shapes.find((shape) => shape.kind === 'path' && shape.fill === light.accent);
    return { said, barY: bar?.kind === 'path' ? bar.y : NaN };
  };
  const narrow = boxes(358);
  expect(narrow.said).toMatchObject({ kind: 'text', anchor: 'start' });
  expect(narrow.said?.y).toBeLessThan(narrow.barY);
  // On a wide page it stands beside its bar, and is cut only if it takes too much of the width.
  expect(boxes(500).said).toBeUndefined();
  expect(boxes(1100).said).toMatchObject({ kind: 'text', anchor: 'end' });
});

it('The 0 of a narrow page, whose bars begin at the edge, is not cut there', () => {
  const bars = [{ label: 'LCKV', value: 2048, range: null, text: '2 KiB' }];
  const group = { axis: 'KV', bars, format: (value: number) => `${value} B`, binary: true };
  const zero = (widthPx: number) =>
    barFigure('KV', [group], [], widthPx).shapes.find(
      (shape) => shape.kind === 'text' && shape.text === '0 B',
    );
  expect(zero(358)).toMatchObject({ anchor: 'start' });
  expect(zero(900)).toMatchObject({ anchor: 'middle' });
});

it('Names that Compare gives are whole on the widest page, and their bars still have room', () => {
  for (const label of ['1: Plain LLaMA, transformers.js', '3: LCKV, warm-up layers 4, H2O (heavy hitters)']) {
    const text = '1060 (965–1088, 3 rounds)';
    const group = { axis: 'Speed', format: String, binary: false };
    const bars = [{ label, value: 1060, range: null, text }];
    const { shapes } = barFigure('Speeds', [{ ...group, bars }], [], 900);
    expect(shapes.some((shape) => shape.kind === 'text' && shape.text === label)).toBe(true);
    const bar = shapes.find((shape) => shape.kind === 'path' && shape.fill === light.accent);
    expect(bar).toBeDefined();
  }
});
