import { expect, it } from 'vitest';
import { medianOf, spread } from '../../../tools/bench/spread.mjs';

it('The median of an even number of values is the mean of the two in the middle', () => {
  expect([medianOf([3, 1, 2]), medianOf([4, 1, 3, 2]), medianOf([7])]).toEqual([2, 2.5, 7]);
  expect(spread([5, 1, 2, 9])).toEqual({ median: 3.5, min: 1, max: 9 });
  expect(spread([])).toEqual({ median: 0, min: 0, max: 0 });
});
