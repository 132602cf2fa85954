import { expect, it } from 'vitest';
import { defaultRecipe, passesAt, rateAt } from '../../../gpu/train/recipe.ts';

const recipe = defaultRecipe('projections', 100);

it('warms up over ten steps, and falls to a tenth in a line', () => {
  expect(rateAt(recipe, 0)).toBeCloseTo(0.0003, 9);
  expect(rateAt(recipe, 9)).toBeCloseTo(0.003 * (1 - 0.081), 9);
  expect(rateAt(recipe, 50)).toBeCloseTo(0.003 * 0.55, 9);
  expect(rateAt(recipe, 99)).toBeCloseTo(0.003 * 0.109, 9);
  expect(rateAt({ ...recipe, warmUpSteps: 0 }, 0)).toBe(0.003);
});

it('takes a lower rate for all weights', () => {
  expect(defaultRecipe('all', 100).learningRate).toBe(0.001);
});

it('iterates more often in the last 30 % of the steps', () => {
  expect([0, 69, 70, 99].map((step) => passesAt(recipe, step).forward)).toEqual([1, 1, 3, 3]);
});
