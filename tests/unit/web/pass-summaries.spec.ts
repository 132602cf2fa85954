import { describe, expect, it } from 'vitest';
import { layerPasses } from '../../../gpu/kv/freezing.ts';
import { heatFigure } from '../../../web/panels/convergence/heat-figure.ts';
import {
  darkness,
  formatMovement,
  passSummaries,
  settledAt,
} from '../../../web/panels/convergence/pass-summaries.ts';

/** Three passes over four positions; the second leaves out one, the third three. */
const relative = Float32Array.from([1, 1, 1, 1, NaN, 0.5, 0.25, 0.5, NaN, NaN, NaN, 0.0005]);
const movement = { group: { start: 1, stop: 7, iterated: true }, passes: 3, relative };

describe('what passes left out', () => {
  it('counts in no mean, and is said for each pass', () => {
    const summaries = passSummaries(movement);
    expect(summaries.map(({ frozen }) => frozen)).toEqual([0, 1, 3]);
    expect(summaries.map(({ moving }) => moving)).toEqual([4, 3, 0]);
    expect(summaries[1]?.mean).toBeCloseTo(1.25 / 3, 6);
    expect(settledAt(summaries)).toBe(3);
  });

  it('was computed by no layer of the group', () => {
    expect(layerPasses([movement])).toEqual({ computed: 6 * 8, all: 6 * 12 });
  });

  it('is a line in a saved picture, with its name in the legend', () => {
    const names = (of: Float32Array) =>
      heatFigure('', { passes: 3, relative: of }).legend.map(({ label }) => label);
    expect(names(relative)).toContain('left out');
    expect(names(relative.map((moved) => (Number.isNaN(moved) ? 0 : moved)))).not.toContain('left out');
    expect(darkness(NaN)).toBe(0);
    expect(formatMovement(NaN)).toBe('left out');
  });
});
