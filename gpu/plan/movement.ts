import type { Group } from './forward-plan.ts';
import { readsAbove } from './layer-types.ts';
import type { Sharing } from './sharing.ts';

/** How far each pass of one iterated group moved what the next pass reads. */
export interface GroupMovement {
  readonly group: Group;
  readonly passes: number;
  /**
   * `[passes, rows of the turn]`, see {@link relativeMovement}. The first pass moves everything away from zero: 1. NaN if
   * a pass left the row out.
   */
  readonly relative: Float32Array;
}

/** The caches of a group that its layers read from below: what one pass leaves for the next. */
export const ownersReadFromBelow = ({ layers }: Sharing, { start, stop }: Group): readonly number[] => [
  ...new Set(
    layers
      .slice(start, stop)
      .filter(readsAbove)
      .map((layer) => layer.readsFrom),
  ),
];

/** |now − before| / |now|, of a position's keys and values in all these stores together; 0 if nothing moved. */
export const relativeMovement = (movedSquares: number, squares: number): number =>
  movedSquares === 0 ? 0 : Math.sqrt(movedSquares / squares);
