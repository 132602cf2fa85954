import { describe, expect, it } from 'vitest';
import {
  columnOf,
  columnsFor,
  darknessOf,
  fillColumns,
  NARROWEST_PX,
} from '../../../web/panels/picture/columns.ts';
import {
  evictedCache,
  heldAt,
  heldFractions,
  plainCache,
  rangesOf,
  rowsOf,
  sameRanges,
  storesTold,
} from '../../../web/panels/picture/held-cache.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const { layers } = sharingOf('0_2s_2s_0', { windowTokens: 8 });

describe('a cache without a policy', () => {
  it('holds everything, or what its window shows, and knows its readers', () => {
    const { stores } = plainCache(layers, 8, 20);
    expect(stores.map(({ owner, readers, heads }) => [owner, readers, heads[0]?.ranges])).toEqual([
      [0, [0, 3], [{ from: 0, to: 20 }]],
      [2, [1, 2], [{ from: 12, to: 20 }]],
    ]);
  });

  it('holds nothing of an empty text', () => {
    expect(plainCache(layers, 8, 0).stores.map(({ heads }) => heads[0]?.ranges)).toEqual([[], []]);
  });
});

describe('a cache under a policy', () => {
  const heads = [
    { positions: [0, 1, 5, 8, 9], scores: [3, 1, 2, 0.5, 0], state: null },
    { positions: [0, 2, 3, 8, 9], scores: [4, 1, 1, 0.5, 0], state: null },
  ];
  const cache = evictedCache(storesTold(layers, [{ owner: 0, heads }]), 10, 12);
  const [store] = cache.stores;

  it('holds what was told, and the tokens since then', () => {
    expect(store?.heads[0]?.ranges).toEqual([
      ...[
        { from: 0, to: 2 },
        { from: 5, to: 6 },
        { from: 8, to: 10 },
      ],
      { from: 10, to: 12 },
    ]);
    expect(store?.heads.map(rowsOf)).toEqual([7, 7]);
  });

  it('says of a position in how many heads it is held, and the sum of its scores', () => {
    const at = (position: number) => heldAt(store?.heads ?? [], position);
    expect(at(0)).toEqual({ heads: 2, score: 7 });
    expect(at(5)).toEqual({ heads: 1, score: 2 });
    expect(at(7)).toEqual({ heads: 0, score: null });
    expect(at(11)).toEqual({ heads: 2, score: 0 });
  });

  it('says how much of each token is left', () => {
    expect([...heldFractions(cache)]).toEqual([1, 0.5, 0.5, 0.5, 0, 0.5, 0, 0, 1, 1, 1, 1]);
  });

  it('has no scores if all of them are 0', () => {
    const unscored = { owner: 0, heads: [{ positions: [0], scores: [0], state: null }] };
    expect(storesTold(layers, [unscored])[0]?.heads[0]?.scores).toBeNull();
  });
});

it('Ranges say the same as positions', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), (some) => {
      const positions = some.toSorted((a, b) => a - b);
      const spread = rangesOf(positions).flatMap(({ from, to }) =>
        Array.from({ length: to - from }, (_, i) => from + i),
      );
      expect(spread).toEqual(positions);
    }),
  );
});

describe('the columns of the picture', () => {
  it('are never narrower than a cell may be: neighbours merge instead', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 20, max: 2000 }),
        (tokens, width) => {
          const { count, tokensEach, widthPx } = columnsFor({ from: 0, to: tokens }, width);
          expect(widthPx).toBeGreaterThanOrEqual(NARROWEST_PX);
          expect(count * widthPx).toBeLessThanOrEqual(width + 1e-6);
          expect(count * tokensEach).toBeGreaterThanOrEqual(tokens);
        },
      ),
    );
  });

  it('show how much of a column is held, and its highest score', () => {
    const columns = { first: 0, count: 3, tokensEach: 2, widthPx: 4 };
    const heads = [{ ranges: [{ from: 0, to: 3 }], scores: [1, 5, 2] }];
    const { held, score } = fillColumns(heads, columns, 5);
    expect([...held]).toEqual([1, 0.5, 0]);
    expect([...score]).toEqual([5, 2, 0]);
  });

  it('show the same cells in a part of the text as in all of it', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(60)),
        fc.nat(40),
        fc.integer({ min: 1, max: 20 }),
        (some, from, size) => {
          const positions = some.toSorted((a, b) => a - b);
          const heads = [{ ranges: rangesOf(positions), scores: positions.map((position) => position + 1) }];
          const whole = fillColumns(heads, columnsFor({ from: 0, to: 61 }, 1000), 61);
          const columns = columnsFor({ from, to: Math.min(61, from + size) }, 1000);
          const part = fillColumns(heads, columns, 61);
          expect([...part.held]).toEqual([...whole.held.slice(from, from + size)]);
          expect([...part.score]).toEqual([...whole.score.slice(from, from + size)]);
          expect(columnOf(columns, from)).toBe(0);
        },
      ),
    );
  });

  it('take less than 10 ms for a text of 100,000 tokens under a policy', () => {
    const positions = Array.from({ length: 20_000 }, (_, i) => 5 * i);
    const head = { positions, scores: positions.map(() => 1), state: null };
    const told = [0, 2].map((owner) => ({ owner, heads: [head] }));
    const columns = columnsFor({ from: 0, to: 100_000 }, 800);
    const draw = () => {
      const { stores, textTokens } = evictedCache(storesTold(layers, told), 100_000, 100_000);
      for (const { heads } of stores) fillColumns(heads, columns, textTokens);
    };
    draw();
    const times = Array.from({ length: 9 }, () => {
      const startMs = performance.now();
      draw();
      return performance.now() - startMs;
    });
    expect(Math.min(...times)).toBeLessThan(10);
  });

  it('are alike without scores, and darker with higher ones', () => {
    expect(darknessOf(0, 0)).toBe(darknessOf(5, 0));
    expect(darknessOf(1, 9)).toBeLessThan(darknessOf(9, 9));
    expect(darknessOf(9, 9)).toBeLessThanOrEqual(1);
  });
});

it('Ranges are the same if they begin and end alike', () => {
  const ranges = rangesOf([1, 2, 5]);
  expect(sameRanges(ranges, rangesOf([1, 2, 5]))).toBe(true);
  for (const other of [
    [1, 2],
    [1, 2, 5, 7],
    [1, 2, 6],
    [1, 5],
  ]) {
    expect(sameRanges(ranges, rangesOf(other))).toBe(false);
  }
});
