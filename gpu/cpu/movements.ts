import { relativeMovement } from '../plan/movement.ts';

/**
 * How far each position has moved, over all its stores.
 *
 * @param before `[rows][owner]`, keys and values
 */
export const movements = (
  before: readonly (readonly Float32Array[])[],
  now: readonly (readonly Float32Array[])[],
): number[] =>
  now.map((rows, i) => {
    let moved = 0;
    let size = 0;
    for (const [owner, row] of rows.entries()) {
      for (const [j, value] of row.entries()) {
        moved += (value - (before[i]?.[owner]?.[j] ?? 0)) ** 2;
        size += value ** 2;
      }
    }
    return relativeMovement(moved, size);
  });
