import { expect, it } from 'vitest';
import { greedy } from '../../../gpu/plan/sampling.ts';

it('Greedy sampling cuts nothing off and penalizes nothing', () => {
  expect(greedy).toMatchObject({ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 });
});
