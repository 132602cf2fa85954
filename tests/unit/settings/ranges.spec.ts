import { expect, it } from 'vitest';
import { outsideRange } from '../../../gpu/plan/number-range.ts';
import { greedy, type SamplingOptions } from '../../../gpu/plan/sampling.ts';
import { settings, type KeysOfKind } from '../../../worker/settings/settings.ts';

const ranges = Object.entries(settings).flatMap(([key, row]) =>
  row.kind === 'number' ? [[key, row.range] as const] : [],
);
const rangeOf = (key: KeysOfKind<'number'>) => settings[key].range;

it('Greedy sampling is inside every range', () => {
  for (const [option, value] of Object.entries(greedy)) {
    expect(outsideRange(Number(value), rangeOf(option as keyof SamplingOptions))).toBeNull();
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
  expect(outsideRange(value, rangeOf(option))).toBe(complaint);
});

it.each(ranges)('The ends of the range of %s are inside it', (_, range) => {
  expect(outsideRange(range.min, range)).toBeNull();
  expect(outsideRange(range.max, range)).toBeNull();
});
