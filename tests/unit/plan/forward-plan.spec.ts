import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../../gpu/plan/forward-plan.ts';
import { readsAbove } from '../../../gpu/plan/layer-types.ts';
import { arbitraryLayers, layersOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const groups = (text: string) =>
  groupsOf(layersOf(text)).map(({ start, stop, iterated }) => [start, stop, iterated]);

describe('groupsOf', () => {
  it.each([
    ['0_1_2_3_4_5_6_7', [[0, 8, false]]],
    [
      '0_6_6_6_6_6_6_7',
      [
        [0, 1, false],
        [1, 7, true],
        [7, 8, false],
      ],
    ],
    ['0_0_2_2_4_4_6_6', [[0, 8, false]]],
    [
      '0_3_3_3_3_3_3_7',
      [
        [0, 1, false],
        [1, 4, true],
        [4, 8, false],
      ],
    ],
    // Layer 2 of the first group names a layer above the top of the group, so the top rises.
    [
      '2_1_4_3_4_5',
      [
        [0, 5, true],
        [5, 6, false],
      ],
    ],
    // Two groups with nothing between them.
    [
      '1_1_3_3',
      [
        [0, 2, true],
        [2, 4, true],
      ],
    ],
    ['0', [[0, 1, false]]],
    ['1_0', [[0, 2, true]]],
  ])('cuts %j into %j', (text, expected) => {
    expect(groups(text)).toEqual(expected);
  });

  it('throws for a plan that names a layer that it does not have', () => {
    expect(() => groupsOf([{ index: 0, readsFrom: 3, windowed: false }])).toThrow('layer 1 of 1');
  });

  it('covers every layer once and in order, whatever the plan', () => {
    fc.assert(
      fc.property(arbitraryLayers(12), (layers) => {
        const found = groupsOf(layers);
        expect(found[0]?.start).toBe(0);
        expect(found.at(-1)?.stop).toBe(layers.length);
        for (const [i, group] of found.entries()) {
          expect(group.stop).toBeGreaterThan(group.start);
          if (i > 0) expect(group.start).toBe(found[i - 1]?.stop);
        }
      }),
    );
  });

  it('iterates just the groups that read above, and each holds the owners that its layers read above', () => {
    fc.assert(
      fc.property(arbitraryLayers(12), (layers) => {
        for (const { start, stop, iterated } of groupsOf(layers)) {
          const inside = layers.slice(start, stop);
          expect(inside.some(readsAbove)).toBe(iterated);
          for (const layer of inside) expect(layer.readsFrom).toBeLessThan(stop);
        }
      }),
    );
  });

  it('starts every iterated group at a layer that reads above, and ends it at a layer that is read', () => {
    fc.assert(
      fc.property(arbitraryLayers(12), (layers) => {
        for (const { start, stop, iterated } of groupsOf(layers)) {
          if (!iterated) continue;
          expect(layers.slice(start, start + 1).some(readsAbove)).toBe(true);
          expect(layers.slice(start, stop).some((layer) => layer.readsFrom === stop - 1)).toBe(true);
        }
      }),
    );
  });
});
