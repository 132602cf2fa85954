import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Comparison } from '../../../web/panels/compare/comparison.svelte.ts';
import { openComparison, space } from './open-comparison.ts';

beforeEach(() => space.remove());

describe('a comparison that nobody has touched', () => {
  const plan = ({ comparison }: { comparison: Comparison }) =>
    comparison.contenders.map(({ config }) => config.layerTypes);
  const kept = () =>
    vi.waitFor(async () => {
      expect(await space.get(['last'])).toBeDefined();
    });

  it('takes suggestions, which are not kept, and the first configuration of one’s own replaces them', async () => {
    const opened = await openComparison();
    const { playground, comparison } = opened;
    const pair = ['0_0', '0_1'].map((layerTypes) => ({ ...playground.config, layerTypes }));
    comparison.suggest(pair);
    expect(comparison.contenders).toEqual([]); // what is kept is not known yet
    await comparison.restore();
    comparison.suggest(pair);
    expect(plan(opened)).toEqual(['0_0', '0_1']);
    expect(comparison.ready).toBe(true);
    expect(await space.get(['last'])).toBeUndefined();
    comparison.add();
    expect([plan(opened), comparison.undo]).toEqual([['0_1'], null]);
    comparison.suggest(pair);
    expect(plan(opened)).toEqual(['0_1']);
  });

  it('keeps what was suggested as soon as something is added to it, and after it was compared', async () => {
    type Opened = Awaited<ReturnType<typeof openComparison>>;
    const acts: readonly ((opened: Opened) => Promise<void>)[] = [
      ({ comparison, playground }) => {
        comparison.put({ ...playground.config, kvPrecision: 'f32' });
        return Promise.resolve();
      },
      ({ comparison }) => comparison.run(),
    ];
    for (const act of acts) {
      await space.remove();
      const opened = await openComparison();
      await opened.comparison.restore();
      opened.comparison.suggest([
        opened.playground.config,
        { ...opened.playground.config, layerTypes: '0_0' },
      ]);
      await act(opened);
      const { contenders } = opened.comparison;
      expect(plan(opened).slice(0, 2)).toEqual(['0_1', '0_0']);
      await kept();
      const later = new Comparison(opened.playground);
      await later.restore();
      later.suggest([]);
      expect(later.contenders.map(({ id }) => id)).toEqual(contenders.map(({ id }) => id));
    }
  });

  it('stays empty on a later visit if everything was removed', async () => {
    const { playground, comparison } = await openComparison();
    await comparison.restore();
    comparison.suggest([playground.config]);
    comparison.remove(1);
    await kept();
    const later = new Comparison(playground);
    await later.restore();
    expect([later.untouched, later.contenders]).toEqual([false, []]);
  });
});
