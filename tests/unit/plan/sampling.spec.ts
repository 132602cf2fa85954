import { expect, it } from 'vitest';
import { greedy, outsideRange, samplingRanges, type SamplingOptions } from '../../../gpu/plan/sampling.ts';

it('Greedy sampling is inside every range', () => {
  for (const [option, range] of Object.entries(samplingRanges)) {
    expect(outsideRange(greedy[option as keyof SamplingOptions], range)).toBeNull();
  }
});

it.each([
  ['temperature', -0.1, 'below 0'],
  ['temperature', 11, 'above 10'],
  ['temperature', NaN, 'not a number'],
  ['temperature', Infinity, 'not a number'],
  ['topK', 1.5, 'not a whole number'],
  ['topP', 1.01, 'above 1'],
  ['minP', -1, 'below 0'],
  ['repetitionPenalty', 0, 'below 0.1'],
  ['seed', 2 ** 53, 'above 9007199254740991'],
] as const)('A %s of %d is %s', (option, value, complaint) => {
  expect(outsideRange(value, samplingRanges[option])).toBe(complaint);
});

it('The ends of a range are inside it', () => {
  for (const range of Object.values(samplingRanges)) {
    expect(outsideRange(range.min, range)).toBeNull();
    expect(outsideRange(range.max, range)).toBeNull();
  }
});
