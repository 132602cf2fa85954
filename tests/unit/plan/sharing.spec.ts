import { describe, expect, it } from 'vitest';
import { kvOwners } from '../../../gpu/plan/sharing.ts';
import { layersOf } from '../../support/arbitrary-plans.ts';

describe('kvOwners', () => {
  it('keeps an owner in a ring only if every reader uses the window', () => {
    expect(kvOwners(layersOf('0s_1s_1'))).toEqual([
      { layer: 0, windowed: true },
      { layer: 1, windowed: false },
    ]);
  });

  it('counts readers other than the owner itself', () => {
    expect(kvOwners(layersOf('1s_0_1s'))).toEqual([
      { layer: 0, windowed: false },
      { layer: 1, windowed: true },
    ]);
  });

  it('lists owners in ascending order, whoever reads them first', () => {
    expect(kvOwners(layersOf('2_1_2_10_4_5_6_7_8_9_10')).map(({ layer }) => layer)).toEqual([
      1, 2, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });
});
