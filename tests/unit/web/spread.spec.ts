import { describe, expect, it } from 'vitest';
import { alike, formatRange, spreadOf } from '../../../web/ui/spread.ts';
import { fc } from '../../support/seeded-properties.ts';

describe('a spread', () => {
  it('is the median and the range of what was measured', () => {
    expect(spreadOf([90, 75, 83])).toEqual({ median: 83, least: 75, most: 90, count: 3 });
    expect(spreadOf([4, 2])).toEqual({ median: 3, least: 2, most: 4, count: 2 });
    expect(spreadOf([0, -1])).toBeNull();
  });

  it('does not depend on the order, and its median is within its range', () => {
    const speeds = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(speeds, (values) => {
        const spread = spreadOf(values);
        expect(spreadOf([...values].reverse())).toEqual(spread);
        expect(spread?.median).toBeGreaterThanOrEqual(spread?.least ?? NaN);
        expect(spread?.median).toBeLessThanOrEqual(spread?.most ?? NaN);
      }),
    );
  });

  it('is like another if their ranges meet, and a single measurement says nothing', () => {
    const of = (...values: number[]) => spreadOf(values) ?? { median: 0, least: 0, most: 0, count: 0 };
    expect(alike(of(75, 90), of(90, 99))).toBe(true);
    expect(alike(of(75, 90), of(80, 85))).toBe(true);
    expect(alike(of(75, 90), of(91, 99))).toBe(false);
    expect(alike(of(91, 99), of(75, 90))).toBe(false);
    expect(alike(of(83), of(80, 85))).toBeNull();
  });

  it('is written with one number if both ends read the same', () => {
    expect(formatRange({ median: 2, least: 1.6, most: 2.4, count: 2 }, (x) => x.toFixed(0))).toBe('2');
    expect(formatRange({ median: 2, least: 1, most: 3, count: 2 }, String)).toBe('1–3');
  });
});
