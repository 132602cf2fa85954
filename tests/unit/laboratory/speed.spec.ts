import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { estimateCost } from '../../../worker/laboratory/estimate-cost.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { planExperiment } from '../../../worker/laboratory/plan-experiment.ts';
import {
  runCells,
  runExperiment,
  type ExperimentParts,
  type LabEngine,
} from '../../../worker/laboratory/run-experiment.ts';
import { summarize } from '../../../worker/laboratory/summary.ts';
import { succeed, valueOf } from '../../../worker/outcome.ts';
import type { MeasuredSpeed } from '../../../worker/protocol/measure.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const budgetBytes = 8.5 * 2 ** 20;
const experiment = readExperiment({
  experiment: 1,
  model: 'fairy-llama',
  base: { backend: 'cpu', mode: 'sequential', kv: 'f16' },
  vary: [{ layers: ['0_1_2_3_4_5_6_7', '0_6_6_6_6_6_6_7'] }],
  measure: [
    {
      ...{ id: 'speed', kind: 'speed', prompt: [5, 9], generate: [3], batch: [1, 3, 'largest'] },
      ...{ budgetBytes, rounds: 2 },
    },
  ],
});

function openParts() {
  const engine = new Engine({
    openBackend: () => openProcessorBackend(),
    openTextPlace: placeHere,
    openSource: (model) => succeed(openFolderSource(`public/models/${model}`)),
  });
  const parts: ExperimentParts = {
    ...{ engine, peers: null, engineVersion: 'test', refOf: (model) => model },
    ...{ digestOf: (model) => Promise.resolve(model), readSource: () => Promise.resolve('') },
  };
  return { engine, parts };
}

async function recordsOf(parts: ExperimentParts): Promise<readonly ItemRecord[]> {
  const records: ItemRecord[] = [];
  await runExperiment(experiment, parts, {
    known: new Map(),
    append: (record) => records.push(record),
    onProgress: () => undefined,
  });
  return records;
}

const SHAPES = 2 * 3;

const fail = (reason: string): never => {
  throw new Error(reason);
};
const speedsOf = (records: readonly ItemRecord[], row: number, shape: number): readonly MeasuredSpeed[] =>
  records.flatMap(({ row: each, item, measured }) =>
    each === row && item % SHAPES === shape && measured.kind === 'speed' ? [measured] : [],
  );

describe('Timed runs on a backend with batches', () => {
  let engine: Engine;
  let parts: ExperimentParts;
  let records: readonly ItemRecord[] = [];
  beforeAll(async () => {
    ({ engine, parts } = openParts());
    records = await recordsOf(parts);
  }, 60_000);
  afterAll(() => engine.unload());

  it('write every size of batch at once, in every round', () => {
    expect(records).toHaveLength(2 * 2 * SHAPES);
    for (const row of [0, 1]) {
      for (const [shape, size] of [1, 3].entries()) {
        const speeds = speedsOf(records, row, shape);
        expect(speeds.map(({ batch, places }) => [batch, places])).toEqual([
          [size, size],
          [size, size],
        ]);
        const [one] = speedsOf(records, row, 0);
        expect(speeds[0]?.kvBytes).toBe(size * (one?.kvBytes ?? NaN));
        expect(speeds[0]?.kvBytesAllocated).toBe(size * (one?.kvBytesAllocated ?? NaN));
      }
    }
  });

  it('fill the budget by the largest batch, and one sequence more would not fit', () => {
    const largest = [0, 1].map((row) => {
      const [speed] = speedsOf(records, row, 2);
      if (!speed) throw new Error('it was timed');
      const { batch, places, largestBatch, weightBytes, kvBytesAllocated, scratchBytes } = speed;
      expect([batch, places]).toEqual([largestBatch, largestBatch]);
      const used = weightBytes + kvBytesAllocated + scratchBytes;
      expect(used).toBeLessThanOrEqual(budgetBytes);
      expect(used + (kvBytesAllocated + scratchBytes) / batch).toBeGreaterThan(budgetBytes);
      return batch;
    });
    // Two thirds of the layers own no KV, but what else a sequence needs stays.
    expect(largest[1]).toBeGreaterThan(largest[0] ?? NaN);
  });

  it('agree with what the engine says of the largest batch, which it has allocated once', async () => {
    const { config, mode, kvPrecision, policy } = experiment.rows[0] ?? fail('there are two rows');
    const asked = { config, mode, kvPrecision, policy, promptTokens: 5, tokens: 5 + 3, budgetBytes };
    const found = valueOf(await engine.largestBatch(asked));
    const [speed] = speedsOf(records, 0, 2);
    expect(found.places).toBe(speed?.largestBatch);
    expect(found.verifiedBytes).toBe(found.weightBytes + found.kvBytes + found.scratchBytes);
    expect(found.verifiedBytes).toBeLessThanOrEqual(budgetBytes);
    expect(found.missingBytes).toBeGreaterThan(0);
    expect(await engine.largestBatch({ ...asked, tokens: 0 })).toMatchObject({
      failure: { code: 'bad-request', field: 'tokens' },
    });
  });

  it('neither warm up nor time what nobody wants', async () => {
    const [first] = await planExperiment(experiment, parts);
    const keys = first?.keys ?? [];
    const wanted = [keys[1], keys[1 + SHAPES]];
    const asked: (number | string)[] = [];
    const counting: LabEngine = {
      load: (request, onEvent) => engine.load(request, onEvent),
      measure: (request, onEvent) => {
        if (request.work.kind === 'speed') asked.push(...request.work.items.map(({ batch }) => batch));
        return engine.measure(request, onEvent);
      },
      countWork: (request) => engine.countWork(request),
      stop: () => undefined,
    };
    const timed: string[] = [];
    await runCells(
      first ? [first] : [],
      { ...parts, engine: counting },
      {
        known: { has: (key) => !wanted.includes(key) },
        append: ({ key }) => timed.push(key),
        onProgress: () => undefined,
      },
    );
    expect(timed).toEqual(wanted);
    // Once to warm up, and once for each round.
    expect(asked).toEqual([3, 3, 3]);
  });

  it('have the throughput of all sequences together', () => {
    const { columns } = summarize(experiment, records, new Map());
    const column = columns.find(({ name }) => name === 'throughput, 5 + 3 tokens, batch 3');
    const speeds = speedsOf(records, 0, 1).map(
      ({ prefillMs, decodeMs }) => (1000 * 3 * 3) / (prefillMs + decodeMs),
    );
    expect(column?.figures[0]?.value).toBeCloseTo(((speeds[0] ?? NaN) + (speeds[1] ?? NaN)) / 2, 9);
    expect(columns.map(({ name }) => name)).toContain('decode, 9 + 3 tokens, largest batch');
    expect(columns.map(({ name }) => name).slice(-2)).toEqual([
      'largest batch, from bytes, 8 tokens',
      'largest batch, from bytes, 12 tokens',
    ]);
  });

  it('are counted before the start, row by row, and their memory too', async () => {
    const { tokens, bytes, items } = await estimateCost(experiment, parts, new Map());
    const written = records.reduce((sum, { item, measured }) => {
      const lengths = item % SHAPES < 3 ? 8 : 12;
      return sum + (measured.kind === 'speed' ? measured.batch * lengths : 0);
    }, 0);
    expect({ tokens, items }).toEqual({ tokens: written, items: records.length });
    const most = Math.max(
      ...records.map(({ measured }) =>
        measured.kind === 'speed' ? measured.weightBytes + measured.kvBytesAllocated : 0,
      ),
    );
    expect(bytes).toBeGreaterThan(0.9 * most);
  });

  it('stop between two steps', async () => {
    let stopped = false;
    const stopping = runExperiment(experiment, parts, {
      known: new Map(),
      append: () => {
        if (!stopped) engine.stop();
        stopped = true;
      },
      onProgress: () => undefined,
    });
    await expect(stopping).rejects.toMatchObject({ failure: { code: 'stopped' } });
  });
});
