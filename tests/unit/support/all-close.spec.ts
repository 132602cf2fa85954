import { expect, it } from 'vitest';
import { expectAllClose } from '../../support/all-close.ts';

it('Numbers within the tolerance agree', () => {
  expectAllClose([1, 2.0001, -0], [1, 2, 0], 1e-3);
  expectAllClose([1000.5], [1000], { absolute: 0, relative: 1e-3 });
  expectAllClose([1000.5], [1000], 1e-3);
  expectAllClose([Infinity, -Infinity], [Infinity, -Infinity], 0);
});

it('The message has the first mismatch, both numbers, the tolerance and the worst difference', () => {
  expect(() => {
    expectAllClose([1, 2.5, 7], [1, 2, 3], 0.1);
  }).toThrow('index 1: got 2.5, expected 2, tolerance 0.2; 2 of 3 numbers are wrong, by at most 4');
});

it.each([
  [[NaN], [1]],
  [[1], [NaN]],
  [[NaN], [NaN]],
  [[Infinity], [1]],
  [[1], [Infinity]],
  [[Infinity], [-Infinity]],
])('%j does not agree with %j', (actual, expected) => {
  expect(() => {
    expectAllClose(actual, expected, 1e9);
  }).toThrow(/index 0/);
});

it('An absolute tolerance does not grow with the numbers', () => {
  expect(() => {
    expectAllClose([1000.5], [1000], { absolute: 1e-3, relative: 0 });
  }).toThrow(/tolerance 0.001/);
});

it('Lists of different lengths do not agree', () => {
  expect(() => {
    expectAllClose([1], [1, 2], 1);
  }).toThrow('index: 1 numbers where 2 were expected');
});
