import { expect, it } from 'vitest';
import { defaultRecipe } from '../../../gpu/train/recipe.ts';
import { sequencesOf, spreadWindows } from '../../../worker/heal/sequences.ts';

const tokens = Uint32Array.from({ length: 1000 }, (_, i) => i);
const recipe = { ...defaultRecipe('projections', 10), tokensPerSequence: 20 };

it('draws windows that depend on seed and step alone, from the whole text', () => {
  const starts = new Set<number>();
  for (let step = 0; step < 2000; step++) {
    const drawn = sequencesOf(tokens, recipe, step);
    expect(drawn).toHaveLength(4);
    for (const sequence of drawn) {
      expect(sequence).toHaveLength(21);
      starts.add(sequence[0] ?? NaN);
    }
  }
  expect(Math.min(...starts)).toBe(0);
  expect(Math.max(...starts)).toBe(979);
  expect(starts.size).toBeGreaterThan(970);
  expect(sequencesOf(tokens, recipe, 3)).toEqual(sequencesOf(tokens, recipe, 3));
  expect(sequencesOf(tokens, { ...recipe, seed: 1 }, 3)).not.toEqual(sequencesOf(tokens, recipe, 3));
});

it('draws the only window of a text that has one', () => {
  const [only] = sequencesOf(tokens.subarray(0, 21), recipe, 0);
  expect(only).toEqual(tokens.subarray(0, 21));
});

it('spreads windows from the first token to the last', () => {
  const starts = spreadWindows(tokens, 5, 100).map(([first]) => first);
  expect(starts).toEqual([0, 225, 450, 675, 900]);
  expect(spreadWindows(tokens.subarray(0, 100), 5, 100)).toHaveLength(1);
});
