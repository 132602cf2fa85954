import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../../gpu/plan/forward-plan.ts';
import { ownersReadFromBelow, relativeMovement } from '../../../gpu/plan/movement.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';

describe('ownersReadFromBelow', () => {
  const byGroup = (text: string) => {
    const sharing = sharingOf(text);
    return groupsOf(sharing.layers).map((group) => ownersReadFromBelow(sharing, group));
  };

  it('names each owner once, however many layers below read it', () => {
    expect(byGroup('0_6_6_6_6_6_6_7')).toEqual([[], [6], []]);
  });

  it('names only owners that the layers of the group itself read', () => {
    expect(byGroup('1_1_4_4_4_5')).toEqual([[1], [4], []]);
  });

  it('leaves out an owner that only itself and layers above read', () => {
    // Layers 0 to 3 iterate. Layer 1 is read by itself and by layer 2.
    expect(byGroup('3_1_1_3')).toEqual([[3]]);
  });
});

describe('relativeMovement', () => {
  it('is the length of the difference divided by the length of the new rows', () => {
    expect(relativeMovement(9, 36)).toBe(0.5);
    expect(relativeMovement(36, 36)).toBe(1);
  });

  it('is 0 if nothing moved, even if there is nothing', () => {
    expect(relativeMovement(0, 36)).toBe(0);
    expect(relativeMovement(0, 0)).toBe(0);
  });
});
