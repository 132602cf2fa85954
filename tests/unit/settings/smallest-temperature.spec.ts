import { expect, it } from 'vitest';
import { sampleToken } from '../../../gpu/cpu/sampler.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';

it.each([1e-300, 1e-45, 1e-40, 1e-30, 1e-10])(
  'draws the likeliest token at temperature %d',
  (temperature) => {
    const logits = Float32Array.from([1, 3, 2, -1]);
    expect(sampleToken(logits, [], 5, { ...greedy, temperature })).toBe(1);
  },
);
