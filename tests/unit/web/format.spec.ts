import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatPercent, formatTokensPerSec } from '../../../web/ui/format.ts';

describe('format', () => {
  it.each([
    [0, '0 B'],
    [768, '768 B'],
    [1024, '1 KiB'],
    [22 * 1024, '22 KiB'],
    [1.25 * 2 ** 20, '1.25 MiB'],
    [1000 * 1024, '1000 KiB'],
    [2 ** 40 * 5000, '5000 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0.375, '37.5 %'],
    [1, '100 %'],
    [3 / 22, '13.6 %'],
  ])('a fraction of %d is %s', (share, text) => {
    expect(formatPercent(share)).toBe(text);
  });

  it.each([
    [0.01234, '0.012'],
    [1.834, '1.8'],
    [18.34, '18'],
    [9.97, '10'],
    [20, '20'],
    [1234.5, '1235'],
  ])('%d tokens a second are %s', (speed, text) => {
    expect(formatTokensPerSec(speed)).toBe(text);
  });

  it('uses the plural for every count but one', () => {
    expect([0, 1, 2, 1234].map((count) => formatCount(count, 'token'))).toEqual([
      '0 tokens',
      '1 token',
      '2 tokens',
      '1,234 tokens',
    ]);
  });
});
