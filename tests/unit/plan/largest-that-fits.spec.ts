import { expect, it } from 'vitest';
import { largestThatFits } from '../../../gpu/plan/largest-that-fits.ts';

it('The largest number that fits is found wherever it lies, and is 0 if none fits', () => {
  for (const most of [0, 1, 2, 3, 7, 100]) {
    for (let limit = 0; limit <= most + 2; limit++) {
      expect(largestThatFits(most, (number) => number <= limit)).toBe(Math.min(limit, most));
    }
  }
});

it('Nothing outside 1 to the most is asked for', () => {
  const asked: number[] = [];
  const found = largestThatFits(1000, (number) => asked.push(number) > 0);
  expect(found).toBe(1000);
  expect(Math.min(...asked)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...asked)).toBe(1000);
  expect(asked.length).toBeLessThanOrEqual(10);
});
