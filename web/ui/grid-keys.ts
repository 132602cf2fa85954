/** A cell of a grid, counted from 0. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** The nearest index to `value` of a list with that many items. */
export const nearestIndex = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));

/**
 * Where a key leads in a grid: the arrows to the next cell, Home and End to the ends of the row.
 *
 * @param size how many rows and columns there are
 * @param columnsEach how many columns one press of an arrow passes, if several are drawn as one
 * @returns null if the key does nothing here
 */
export function cellAfterKey(key: string, from: Cell, size: Cell, columnsEach = 1): Cell | null {
  const steps: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
    ArrowLeft: [0, -columnsEach],
    ArrowRight: [0, columnsEach],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    Home: [0, -size.column],
    End: [0, size.column],
  };
  const step = Object.hasOwn(steps, key) ? steps[key] : undefined;
  return step
    ? {
        row: nearestIndex(from.row + step[0], size.row),
        column: nearestIndex(from.column + step[1], size.column),
      }
    : null;
}
