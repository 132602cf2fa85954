import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import type { LargestBatch } from '../../../worker/protocol/largest-batch.ts';
import { throughputPlot } from '../../../web/experiments/throughput-plot.ts';
import { parseModelIndex } from '../../../web/models/model-index.ts';
import { initialPlans, MOST_PLANS, offeredPlans } from '../../../web/experiments/offered-plans.ts';
import { readThroughput } from '../../../web/panels/throughput/read-throughput.ts';
import { askedOf, type TimedPlans } from '../../../web/panels/throughput/timed-plans.ts';
import { timingAsCsv } from '../../../web/panels/throughput/timing-csv.ts';
import { bytesFigure, throughputFigure } from '../../../web/panels/throughput/timing-figures.ts';
import { timingRows } from '../../../web/panels/throughput/timing-rows.ts';
import {
  setupProblems,
  sizesUpTo,
  suggestedBudgetMib,
  timingExperiment,
  unionOf,
  type TimingSetup,
} from '../../../web/panels/throughput/timing-setup.ts';
import { words } from '../../../web/panels/throughput/words.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';
import { factsOf } from './scripted-engine.ts';

const models = parseModelIndex(JSON.parse(readFileSync('public/models/index.json', 'utf8')));
const shipped = { layerCount: 8, models, stored: '0_6_6_6_6_6_6_7' };

describe('the plans that can be timed', () => {
  it('are the shipped family, plain LLaMA first, and then what nobody was trained for', () => {
    const offered = offeredPlans({ ...shipped, model: 'fairy-lckv', layerTypes: '0_6_6_6_6_6_6_7' });
    expect(offered[0]).toMatchObject({ name: 'Plain LLaMA', model: 'fairy-llama', trained: true });
    const first = initialPlans(offered);
    expect(new Set(first.map(({ model }) => model))).toEqual(new Set(models.map(({ id }) => id)));
    expect(first.every(({ trained }) => trained)).toBe(true);
    expect(first.map(({ name }) => name)).toContain('LCKV, warm-up layers 4');
    expect(new Set(offered.map(({ name }) => name)).size).toBe(offered.length);
    expect(offered.filter(({ current }) => current)).toMatchObject([{ model: 'fairy-lckv' }]);
  });

  it('have what the page is set to among them, also if it is no preset', () => {
    const offered = offeredPlans({ ...shipped, model: 'fairy-llama', layerTypes: '0_0_0_3_4_5_5_7' });
    expect(offered.find(({ current }) => current)).toMatchObject({ name: 'As set now', trained: false });
  });

  it('are those of the presets for a model that a person brought, which keeps its weights', () => {
    const setting = { layerCount: 4, models, stored: '0_1_2_3', model: 'folder:mine', layerTypes: null };
    const offered = offeredPlans(setting);
    expect(new Set(offered.map(({ model }) => model))).toEqual(new Set(['folder:mine']));
    expect(initialPlans(offered).length).toBeGreaterThan(1);
  });
});

const plan = (name: string, model: string, layerTypes: string) => ({
  ...{ name, model, layerTypes, trained: true, current: false },
});
const setup: TimingSetup = {
  plans: [plan('Plain LLaMA', 'fairy-llama', '0_1_2_3'), plan('LCKV', 'fairy-lckv', '0_2_2_3')],
  ...{ prompt: 5, generate: 8, budgetMib: 9, most: 64, rounds: 2 },
};

describe('what is set', () => {
  it('is refused in words where a number or the plans are wrong', () => {
    const none = { id: 'none' };
    expect(setupProblems(setup, none)).toEqual({});
    expect(setupProblems({ ...setup, prompt: 0, budgetMib: null }, none)).toEqual({
      prompt: 'Enter a whole number from 1 to 65,536.',
      budgetMib: 'Enter a whole number from 1 to 10,000,000.',
    });
    expect(setupProblems({ ...setup, plans: [] }, none)).toEqual({ plans: words.form.noPlan });
    const many = Array.from({ length: MOST_PLANS + 1 }, () => plan('x', 'm', '0'));
    expect(setupProblems({ ...setup, plans: many }, none).plans).toMatch(/^Choose at most 8 plans/);
    expect(setupProblems(setup, { id: 'less' })).toEqual({});
    expect(setupProblems(setup, null).plans).toMatch(/^Correct the cache policy/);
  });

  it('asks for powers of two and then the largest batch, or the most that is wanted', () => {
    expect(sizesUpTo(0, 64)).toEqual([]);
    expect(sizesUpTo(1, 64)).toEqual(['largest']);
    expect(sizesUpTo(20, 64)).toEqual([1, 2, 4, 8, 16, 'largest']);
    expect(sizesUpTo(100, 64)).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(unionOf([sizesUpTo(3, 8), sizesUpTo(20, 8)])).toEqual([1, 2, 4, 8, 'largest']);
  });

  it('is an experiment that the laboratory can read, with the settings of the page', () => {
    const config = { ...defaultConfig, backend: 'cpu' as const, slidingWindow: 9 };
    const current = { ...setup.plans[0], ...plan('As set now', 'fairy-llama', '0_0'), current: true };
    const json = timingExperiment({ ...setup, plans: [...setup.plans, current] }, config, [1, 'largest']);
    const { rows } = readExperiment(json);
    expect(rows.map(({ backend }) => backend)).toEqual(['cpu', 'cpu', 'cpu']);
    // The window belongs to the plan that the page is set to, and not to models with their own.
    expect(rows.map(({ config: each }) => each.slidingWindow)).toEqual([undefined, undefined, 9]);
    expect(askedOf({ json })).toMatchObject({ prompt: 5, generate: 8, budgetBytes: 9 * 2 ** 20, rounds: 2 });
    expect(askedOf({ json: { experiment: 2 } })).toBeNull();
  });

  it('starts with a budget that has room for the weights and some texts', () => {
    const { dims } = factsOf({ model: 'm', backend: 'cpu', weights: 'stored', quantizeEmbeddings: false });
    expect(suggestedBudgetMib(100 * 2 ** 20, dims, 64)).toBeGreaterThan(105);
  });
});

const largest: LargestBatch = {
  ...{ places: 4, weightBytes: 6 * 2 ** 20, kvBytes: 2 * 2 ** 20, scratchBytes: 2 ** 19 },
  ...{ missingBytes: 1024, verifiedBytes: 8.5 * 2 ** 20 },
};

/** The plans, each with the milliseconds of its rounds by size. */
function timed(ms: readonly (readonly (readonly [batch: number, ms: readonly number[]])[])[]): TimedPlans {
  const sizes = [1, 2, 'largest'] as const;
  const records = ms.flatMap((ofPlan, row) =>
    ofPlan.flatMap(([batch, rounds]) =>
      rounds.map((decodeMs, round): ItemRecord => {
        const shape = batch === 4 ? 2 : batch - 1;
        return {
          ...{ key: 'a'.repeat(64), row, measure: 'speed', item: round * sizes.length + shape, ms: 1 },
          measured: {
            ...{ kind: 'speed', batch, places: batch, prefillMs: 0, decodeMs },
            ...{
              kvBytes: 10,
              kvBytesAllocated: 20 * batch,
              scratchBytes: 5,
              weightBytes: 7,
              largestBatch: 4,
            },
          },
        };
      }),
    ),
  );
  return {
    json: timingExperiment(setup, defaultConfig, sizes),
    plans: setup.plans.map(({ name, model, layerTypes }) => ({ name, model, layerTypes })),
    largest: [largest, { ...largest, places: 9 }],
    ...{ records, complete: true, adapter: 'CPU', build: '0@x', endedAt: 1e12 },
  };
}

const result = timed([
  [
    [1, [80, 84]],
    [4, [160, 161]],
  ],
  [
    [1, [81, 83]],
    [2, [100, 102]],
  ],
]);

describe('what was timed', () => {
  it('has medians, what a batch gains, and what plans do in the same memory', () => {
    const [plain, lckv] = timingRows(result);
    expect(plain?.alone).toMatchObject({ count: 2, least: 8000 / 84, most: 100 });
    expect(plain?.together).toMatchObject({ batch: 4 });
    expect(plain?.gain).toBeCloseTo(2.04, 2);
    expect(plain?.besideFirst).toBeNull();
    expect(lckv?.besideFirst).toBeCloseTo(0.79, 2);
    const same = timed([[[4, [160, 170]]], [[4, [165, 175]]]]);
    expect(timingRows(same)[1]?.besideFirst).toBe('alike');
  });

  it('marks the largest batch in the picture, or says how many more fit', () => {
    const asked = askedOf(result);
    if (!asked) throw new Error('it is an experiment');
    const data = { experiment: asked.experiment, records: result.records, names: ['a', 'b'] };
    const plot = throughputPlot(data, (row) => result.largest[row]?.places ?? null);
    expect(plot?.series.map(({ points }) => points.map(({ x, label }) => [x, label]))).toEqual([
      [
        [1, ''],
        [4, '4'],
      ],
      [
        [1, ''],
        [2, ''],
      ],
    ]);
    expect(throughputFigure(result, 720)?.legend.map(({ label }) => label)).toEqual([
      'Plain LLaMA',
      'LCKV (9 fit)',
    ]);
    const legend = bytesFigure(result, 720).legend.map(({ label }) => label);
    expect(legend).toEqual(['weights', 'KV', 'scratch', 'budget']);
  });

  it('is a table with a line for each size, also for what was not timed', () => {
    const lines = timingAsCsv({ ...result, records: result.records.slice(0, 4) })
      .trim()
      .split('\r\n');
    expect(lines).toHaveLength(1 + 2 + 1);
    const cells = lines.map((line) => line.match(/"(?:[^"]|"")*"/g)?.length);
    expect(new Set(cells).size).toBe(1);
    expect(lines[2]).toContain('"Plain LLaMA","fairy-llama","0_1_2_3","5","8"');
  });

  it('says why no more texts fit', () => {
    const budget = 9 * 2 ** 20;
    expect(words.limit(largest, budget, false)).toBe(
      'Weights 6 MiB, KV 2 MiB (512 KiB per text), scratch 512 KiB. One more text would pass the budget by 1 KiB.',
    );
    expect(words.limit({ ...largest, places: 0 }, budget, false)).toMatch(/^There is no room for one text/);
    expect(words.limit({ ...largest, missingBytes: null }, budget, false)).toMatch(/no kernel can bind/);
    const most = { ...largest, places: 4096, missingBytes: null };
    expect(words.limit(most, budget, false)).toMatch(/kvtab writes at most 4,096 texts at once\.$/);
    expect(words.limit({ ...largest, missingBytes: null }, budget, true)).toMatch(/under a cache policy/);
  });

  it('survives a reload, and is refused if it is something else', () => {
    expect(readThroughput(structuredClone(result))).toEqual(result);
    for (const wrong of [
      null,
      {},
      { ...result, largest: [largest] },
      { ...result, json: { experiment: 1 } },
      { ...result, plans: [...result.plans, ...result.plans] },
      { ...result, endedAt: 1e20 },
      { ...result, largest: [{ ...largest, places: -1 }, largest] },
    ]) {
      expect(readThroughput(wrong)).toBeNull();
    }
    expect(readThroughput({ ...result, complete: false })?.complete).toBe(false);
    const { complete: _, ...older } = result;
    expect(readThroughput(older)?.complete).toBe(true);
    expect(readThroughput({ ...result, records: ['x', ...result.records] })?.records).toHaveLength(
      result.records.length,
    );
  });
});
