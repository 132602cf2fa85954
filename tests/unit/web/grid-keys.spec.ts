import { expect, it } from 'vitest';
import { cellAfterKey } from '../../../web/ui/grid-keys.ts';

const size = { row: 3, column: 10 };
const after = (key: string, row: number, column: number, columnsEach?: number) => {
  const to = cellAfterKey(key, { row, column }, size, columnsEach);
  return to && [to.row, to.column];
};

it('Arrows go to the next cell and stop at the edges of a grid', () => {
  expect(after('ArrowRight', 1, 4)).toEqual([1, 5]);
  expect(after('ArrowLeft', 1, 4)).toEqual([1, 3]);
  expect(after('ArrowUp', 1, 4)).toEqual([0, 4]);
  expect(after('ArrowDown', 1, 4)).toEqual([2, 4]);
  expect(after('ArrowRight', 2, 9)).toEqual([2, 9]);
  expect(after('ArrowDown', 2, 9)).toEqual([2, 9]);
  expect(after('ArrowUp', 0, 0)).toEqual([0, 0]);
});

it('Home and End go to the ends of the row', () => {
  expect(after('Home', 1, 4)).toEqual([1, 0]);
  expect(after('End', 1, 4)).toEqual([1, 9]);
});

it('An arrow passes all columns that are drawn as one', () => {
  expect(after('ArrowRight', 0, 4, 4)).toEqual([0, 8]);
  expect(after('ArrowRight', 0, 8, 4)).toEqual([0, 9]);
});

it('Other keys do nothing, even if an object has a property of their name', () => {
  for (const key of ['Enter', 'toString', '__proto__']) expect(after(key, 1, 1)).toBeNull();
});
