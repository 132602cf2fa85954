import { describe, expect, it } from 'vitest';
import { familyCurve } from '../../../web/panels/family/family-curve.ts';
import type { ModelEntry } from '../../../web/models/model-index.ts';

const stored = {
  layerTypes: '0_1',
  slidingWindow: 4096,
  forwardPasses: 7,
  backwardPasses: 2,
  forceNodiag: false,
};
const model = (
  id: string,
  kvBytesAtContext: number,
  bitsPerByte: number,
  contextTokens = 512,
): ModelEntry => ({
  id,
  name: '',
  description: '',
  kernels: [],
  stored,
  measured: { bitsPerByte, contextTokens, kvBytesAtContext },
});
const family = [
  model('tale-plain', 800, 1.421),
  model('tale-half', 400, 1.43),
  model('tale-worse', 400, 1.46),
  model('tale-least', 150, 1.455),
];

describe('the curve of the family', () => {
  it('goes from the least memory to the most, on a scale from zero', () => {
    const curve = familyCurve(family);
    expect(curve?.points.map(({ name, x }) => [name, x])).toEqual([
      ['least', 0.1875],
      ['half', 0.5],
      ['worse', 0.5],
      ['plain', 1],
    ]);
    expect(curve?.plain.id).toBe('tale-plain');
  });

  it('joins the models that no other model beats in both memory and quality', () => {
    expect(familyCurve(family)?.frontier.map(({ name }) => name)).toEqual(['least', 'half', 'plain']);
  });

  it('has round ticks above and below every model', () => {
    const curve = familyCurve(family);
    const bits = curve?.bitsTicks.map((tick) => Number(tick.bits.toFixed(6)));
    expect(bits).toEqual([1.42, 1.43, 1.44, 1.45, 1.46, 1.47]);
    for (const { y } of curve?.points ?? []) {
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(1);
    }
  });

  it('places names where they cover neither dots nor each other', () => {
    const crowded = familyCurve([...family, model('tale-near', 420, 1.431)]);
    const sides = crowded?.points.map(({ name, label }) => [name, label]);
    expect(sides).toContainEqual(['plain', 'left']);
    expect(sides).toContainEqual(['half', 'left']);
    expect(sides).toContainEqual(['near', 'right']);
  });

  it('draws models of equal quality', () => {
    const curve = familyCurve([model('a', 1, 1.5), model('b', 2, 1.5)]);
    expect(curve?.points.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(curve?.points.every(({ y }) => Number.isFinite(y))).toBe(true);
  });

  it.each([
    ['no model was measured', family.map(({ measured: _, ...rest }) => rest)],
    ['there is only one model', family.slice(0, 1)],
    ['their contexts differ', [...family, model('tale-long', 900, 1.4, 1024)]],
  ])('is null if %s', (_, models) => {
    expect(familyCurve(models)).toBeNull();
  });
});
