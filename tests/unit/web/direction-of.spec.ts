import { expect, it } from 'vitest';
import { directionOf } from '../../../web/ui/direction-of.ts';

it('the direction of a short text is the browser’s business, and of a long one its first letter’s', () => {
  expect(directionOf('שלום')).toBe('auto');
  expect(directionOf(' 1. once'.repeat(2000))).toBe('ltr');
  expect(directionOf('"שלום" '.repeat(2000))).toBe('rtl');
  expect(directionOf('12 مرحبا '.repeat(2000))).toBe('rtl');
  expect(directionOf('7'.repeat(20_000))).toBe('ltr');
});
