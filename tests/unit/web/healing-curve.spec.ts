import { describe, expect, it } from 'vitest';
import type { ModelEntry } from '../../../web/models/model-index.ts';
import { readFamilyOnSample } from '../../../web/models/family-on-sample.ts';
import { familyFigure } from '../../../web/panels/family/family-figure.ts';
import { healingCurve } from '../../../web/panels/family/healing-curve.ts';
import type { HealingNow } from '../../../web/playground/healing-now.ts';
import type { ModelOnDevice } from '../../../web/playground/link-notice.ts';
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';

const entry = (id: string, layerTypes: string, kvBytesAtContext: number): ModelEntry => ({
  ...{ id, name: '', description: '', kernels: [] },
  stored: { layerTypes, slidingWindow: 4, forwardPasses: 7, backwardPasses: 2, forceNodiag: false },
  measured: { bitsPerByte: 9, contextTokens: 8, kvBytesAtContext },
});
const models = [entry('fairy-llama', '0_1_2_3', 800), entry('fairy-cla', '0_0_2_2', 400)];
const onSample = readFamilyOnSample({ bitsPerByte: { 'fairy-llama': 1.4, 'fairy-cla': 1.5, odd: 'x' } });

const now: HealingNow = {
  ...{ model: 'fairy-llama', layerTypes: '0_3_3_3', slidingWindow: 4, going: true, onSample: true },
  evaluations: [
    { step: 0, bitsPerByte: 2 },
    { step: 13, bitsPerByte: 1.8 },
  ],
};
const kept: ModelOnDevice = {
  ...{ id: 'healed/x', endpoint: HEALED_ENDPOINT, complete: true, commit: 'c', storedAtMs: 1 },
  healed: {
    ...{ model: 'fairy-llama', layerTypes: '0s_1s_2_2', slidingWindow: 4, steps: 100 },
    ...{ bitsPerByte: 1.6, onSample: true },
  },
};

describe('the curve of healings', () => {
  it('has the healing of the page where its KV and its last reading are, with where it began', () => {
    const { curve } = healingCurve(models, onSample, now, []);
    expect(curve?.points.map(({ bitsPerByte }) => bitsPerByte)).toEqual([1.5, 1.4]);
    const [dot, ...others] = curve?.healed ?? [];
    expect(others).toEqual([]);
    expect(dot).toMatchObject({ x: 0.5, kvBytes: 400, fraction: '50 %', name: 'healed, 13 steps' });
    expect(dot?.fromY).toBeGreaterThan(dot?.y ?? NaN);
    const later = { ...now, evaluations: [...now.evaluations, { step: 26, bitsPerByte: 1.7 }] };
    const moved = healingCurve(models, onSample, later, []).curve?.healed[0];
    expect(moved?.fromY).toBe(dot?.fromY);
    expect(moved?.y).toBeLessThan(dot?.y ?? NaN);
  });

  it('has the healed models on the device, by the KV of windows, and the page’s own only once', () => {
    const { curve } = healingCurve(models, onSample, null, [kept]);
    // Of 8 tokens: two windows of 4 and one whole layer, of 4 layers.
    expect(curve?.healed).toMatchObject([{ x: 0.5, fromY: null, name: 'healed, 100 steps' }]);
    const { healed } = kept;
    if (!healed) throw new Error('it was healed');
    const done = { ...now, layerTypes: '0s_1s_2_2', evaluations: [{ step: 100, bitsPerByte: 1.6 }] };
    expect(healingCurve(models, onSample, done, [kept]).curve?.healed.map(({ key }) => key)).toEqual(['now']);
  });

  it('leaves out what was measured on another text, or is of another family', () => {
    const other = { ...now, onSample: false };
    expect(healingCurve(models, onSample, other, [])).toEqual({ curve: null, leftOut: true });
    const foreign = { ...now, model: 'someone/model' };
    expect(healingCurve(models, onSample, foreign, [])).toEqual({ curve: null, leftOut: false });
    const { healed } = kept;
    if (!healed) throw new Error('it was healed');
    for (const change of [{ onSample: false }, { bitsPerByte: null }, { model: 'someone/model' }]) {
      const changed = [{ ...kept, healed: { ...healed, ...change } }];
      expect(healingCurve(models, onSample, null, changed).curve).toBeNull();
    }
    expect(healingCurve(models, new Map(), now, []).curve).toBeNull();
  });

  it('is saved with a hollow dot and its legend', () => {
    const { curve } = healingCurve(models, onSample, now, []);
    if (!curve) throw new Error('there is a healing');
    const { shapes, legend } = familyFigure('Healing beside the family', curve);
    const hollow = shapes.filter(
      (shape) => shape.kind === 'path' && shape.strokeWidth === 2 && shape.fill !== null,
    );
    expect(hollow).toMatchObject([{ fill: '#ffffff' }]);
    expect(shapes).toContainEqual(expect.objectContaining({ kind: 'text', text: 'healed, 13 steps' }));
    expect(legend.map(({ label }) => label)).toContain('hollow: healed on this device');
  });
});
