import { describe, expect, it } from 'vitest';
import {
  formatLayerTypes,
  ownersOf,
  ownsItsKv,
  parseLayerTypes,
  readsAbove,
} from '../../../gpu/plan/layer-types.ts';
import { arbitraryLayers, layersOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

describe('parseLayerTypes', () => {
  it('reads which owner each layer reads, and which layers use the window', () => {
    expect(parseLayerTypes('0_2s_2', 3)).toEqual({
      ok: true,
      value: [
        { index: 0, readsFrom: 0, windowed: false },
        { index: 1, readsFrom: 2, windowed: true },
        { index: 2, readsFrom: 2, windowed: false },
      ],
    });
  });

  it('ignores blanks around the text', () => {
    expect(parseLayerTypes(' 0_1\n', 2)).toMatchObject({ ok: true });
  });

  it.each([
    ['0_1_2_3_9_5_6_7', 8, 4, 'there is no layer 9'],
    ['0_1_2_3_8_5_6_7', 8, 4, 'there is no layer 8'],
    ['0_x', 2, 1, '"x" is not a layer number'],
    ['0_1S', 2, 1, '"1S" is not a layer number'],
    ['0_-1', 2, 1, '"-1" is not a layer number'],
    ['0_1.0', 2, 1, '"1.0" is not a layer number'],
    ['0_ 1', 2, 1, '" 1" is not a layer number'],
    ['0_s', 2, 1, '"s" is not a layer number'],
    ['0_1ss', 2, 1, '"1ss" is not a layer number'],
    ['0_٣', 2, 1, '"٣" is not a layer number'],
    ['0__2', 3, 1, 'the entry is empty'],
    ['', 2, 0, 'the entry is empty'],
    ['0_1_', 3, 2, 'the entry is empty'],
    ['0', 2, 1, 'the model has 2 layers, the text 1 entry'],
    ['0_1', 3, 2, 'the model has 3 layers, the text 2 entries'],
    ['0_1_1', 2, 2, 'the model has 2 layers, the text 3 entries'],
    ['0_1_', 2, 2, 'the model has 2 layers, the text 3 entries'],
    ['0_99999999999999999999999999', 2, 1, 'there is no layer 999999999999999999999999…'],
    [`0_${'x'.repeat(24)}`, 2, 1, `"${'x'.repeat(24)}" is not a layer number`],
    [`0_${'x'.repeat(25)}`, 2, 1, `"${'x'.repeat(24)}…" is not a layer number`],
    [`0_${'x'.repeat(40)}`, 2, 1, `"${'x'.repeat(24)}…" is not a layer number`],
  ])('reports for %j with %i layers that at layer %i %s', (text, layerCount, at, reason) => {
    expect(parseLayerTypes(text, layerCount)).toEqual({ ok: false, at, reason });
  });

  it('names the first mistake, even if the number of entries is wrong as well', () => {
    expect(parseLayerTypes('x_y_0', 2)).toMatchObject({ at: 0, reason: '"x" is not a layer number' });
  });

  it('never throws, and accepts only what formatLayerTypes would write, whatever the text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('0', '1', '2', 's', '_', ' ') }));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 6 }), (anything, layerCount) => {
        const parsed = parseLayerTypes(anything, layerCount);
        if (!parsed.ok) {
          expect(parsed.at).toBeLessThanOrEqual(layerCount);
          return;
        }
        const leadingZeros = /(^|_)0+(?=\d)/g;
        expect(formatLayerTypes(parsed.value)).toBe(anything.trim().replace(leadingZeros, '$1'));
      }),
      { numRuns: 500 },
    );
  });

  it('reads back every plan that formatLayerTypes writes', () => {
    fc.assert(
      fc.property(arbitraryLayers(40), (layers) => {
        expect(parseLayerTypes(formatLayerTypes(layers), layers.length)).toEqual({ ok: true, value: layers });
      }),
    );
  });
});

it('The layers that own KV are those that some entry names, in ascending order', () => {
  expect(ownersOf(layersOf('0_6_6_6_6_6_6_7'))).toEqual([0, 6, 7]);
  expect(ownersOf(layersOf('3_10_10_3_4_5_6_7_8_9_10'))).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
});

it('A layer reads above itself if its entry is greater than its own number', () => {
  expect(layersOf('0_2_2').map(readsAbove)).toEqual([false, true, false]);
});

it('A layer attends to KV of its own if its entry is its own number', () => {
  expect(layersOf('0_2_2_1s').map(ownsItsKv)).toEqual([true, false, true, false]);
});
