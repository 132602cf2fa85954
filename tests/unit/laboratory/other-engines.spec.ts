import { describe, expect, it } from 'vitest';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { exportSummary } from '../../../worker/laboratory/export-summary.ts';
import { planExperiment } from '../../../worker/laboratory/plan-experiment.ts';
import { readRecord } from '../../../worker/laboratory/read-record.ts';
import { finalRecords, type ItemRecord } from '../../../worker/laboratory/records.ts';
import {
  refuseOtherEngines,
  runExperiment,
  type ExperimentParts,
  type LabPeers,
} from '../../../worker/laboratory/run-experiment.ts';
import { summarize } from '../../../worker/laboratory/summary.ts';
import { succeed } from '../../../worker/outcome.ts';
import type { MeasuredPeer, MeasuredSpeed, SpeedItem } from '../../../worker/protocol/measure.ts';
import type { ModelFacts } from '../../../worker/protocol/load.ts';

const json = {
  experiment: 1,
  model: 'm',
  vary: [{ engine: ['kvtab', 'transformers.js'] }],
  measure: [{ id: 'speed', kind: 'speed', prompt: [5], generate: [11], batch: [1], rounds: 2 }],
};

const own: MeasuredSpeed = {
  ...{ kind: 'speed', batch: 1, places: 1, prefillMs: 5, decodeMs: 10, largestBatch: 9 },
  ...{ kvBytes: 1, kvBytesAllocated: 1, scratchBytes: 0, weightBytes: 1 },
};
const there: MeasuredPeer = {
  ...{ kind: 'peer-speed', prefillMs: 10, decodeMs: 40, kvBytes: 3 },
  ...{ engine: 'transformers.js 4, ONNX Runtime 1', options: 'WebAssembly, 1 thread' },
  memory: { heapBytes: 7, gpuBytes: null },
};

function parts(peers: LabPeers | null, log: string[]): ExperimentParts {
  return {
    peers,
    engine: {
      load: () => Promise.resolve(succeed({ dims: { contextTokens: 64 } } as ModelFacts)),
      countWork: ({ work }) => Promise.resolve(succeed({ tokens: work.items.map(() => 16) })),
      stop: () => undefined,
      measure: ({ work }, onEvent) => {
        log.push('kvtab');
        for (const item of work.items.keys()) onEvent({ type: 'measured', item, measured: own });
        return Promise.resolve(succeed({ tokens: [] }));
      },
    },
    engineVersion: 'test',
    refOf: (model) => model,
    digestOf: () => Promise.resolve('d'),
    readSource: () => Promise.resolve(''),
  };
}

async function run(peers: LabPeers | null, known: readonly ItemRecord[] = []) {
  const log: string[] = [];
  const records: ItemRecord[] = [];
  const experiment = readExperiment(json);
  const shown: string[] = [];
  await runExperiment(experiment, parts(peers, log), {
    known: finalRecords(known),
    append: (record) => {
      records.push(record);
      expect(record.row, 'the row that is shown is measured').toBe(shown.at(-1)?.includes('kvtab') ? 0 : 1);
    },
    onProgress: ({ row }) => shown.push(row),
  });
  return { log, records, summary: summarize(experiment, [...known, ...records], new Map()) };
}

const answering = (answer: LabPeers['measure']): LabPeers => ({ measure: answer });

describe('A row of another engine', () => {
  it('is timed by that engine, in the order A B B A with kvtab, and stands in the same table', async () => {
    const items: SpeedItem[] = [];
    const peers = answering((row, _, item) => {
      items.push(item);
      expect(row.engine).toBe('transformers.js');
      return Promise.resolve(succeed(there));
    });
    const { log, records, summary } = await run(peers);
    expect(items.map(({ prompt, generate, round }) => [prompt, generate, round])).toEqual([
      [5, 11, 0],
      [5, 11, 1],
    ]);
    expect(log).toHaveLength(2 + 2); // a warm-up before each round that follows another row, and the rounds
    expect(records.map(({ row, item }) => [row, item])).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ]);
    const decode = summary.columns.find(({ name }) => name.startsWith('decode'));
    expect(decode?.figures.map(({ value }) => value)).toEqual([1000, 250]);
    expect(decode?.figures[1]?.difference?.value).toBeCloseTo(-0.75);
    expect(summary.notes).toEqual([[], ['transformers.js 4, ONNX Runtime 1; WebAssembly, 1 thread']]);
    const written = { md: exportSummary(summary, 'md'), csv: exportSummary(summary, 'csv') };
    expect(written.md).toMatch(/\n\n- engine transformers\.js: transformers\.js 4, ONNX Runtime 1; WebAss/);
    expect(written.csv).toMatch(/"difference_is_relative","note"\r\n/);
    expect(written.csv).toContain('"transformers.js 4, ONNX Runtime 1; WebAssembly, 1 thread"');
    expect(exportSummary(summary, 'latex')).toContain('transformers.js 4, ONNX Runtime 1');
  });

  it('that cannot be run there is a record with its reason, and the experiment goes on', async () => {
    const reason = 'Impossible in it | because';
    const impossible = answering(() =>
      Promise.resolve(succeed({ kind: 'unmeasured', reason, again: false })),
    );
    const { records, summary } = await run(impossible);
    expect(records.map(({ measured }) => measured.kind)).toEqual([
      'speed',
      'unmeasured',
      'unmeasured',
      'speed',
    ]);
    expect(summary.columns[0]?.figures[1]).toMatchObject({ value: null, items: 0 });
    expect(summary.notes[1]).toEqual([reason]);
    expect(exportSummary(summary, 'md')).toContain('- engine transformers.js: Impossible in it   because\n');
    const again = await run(
      answering(() => Promise.reject(new Error('asked again'))),
      records,
    );
    expect(again.records).toEqual([]);
  });

  it('that failed is tried again, and the new record counts', async () => {
    const failing = answering(() =>
      Promise.resolve(succeed({ kind: 'unmeasured', reason: 'no memory', again: true })),
    );
    const failed = await run(failing);
    const { records, summary } = await run(
      answering(() => Promise.resolve(succeed(there))),
      failed.records,
    );
    expect(records.map(({ row }) => row)).toEqual([1, 1]);
    expect(summary.notes[1]).toEqual(['transformers.js 4, ONNX Runtime 1; WebAssembly, 1 thread']);
  });

  it('ends the experiment if it was stopped', async () => {
    const stopped = answering(() => Promise.resolve({ ok: false, failure: { code: 'stopped' } }));
    await expect(run(stopped)).rejects.toMatchObject({ failure: { code: 'stopped' } });
  });

  it('is refused in words where no other engine runs, before anything does', async () => {
    const refusal = { failure: { code: 'bad-request', field: 'engine' } };
    const { rows } = readExperiment(json);
    expect(() => {
      refuseOtherEngines({ rows });
    }).toThrow('runs in the laboratory of the page alone');
    await expect(run(null)).rejects.toMatchObject(refusal);
    refuseOtherEngines({ rows: rows.slice(0, 1) });
  });

  it('is measured for nothing but speed, and must be an engine that there is', () => {
    const recall = { id: 'recall', kind: 'recall', distances: [0] };
    expect(() => readExperiment({ ...json, measure: [...json.measure, recall] })).toThrow('"engine"');
    expect(() => readExperiment({ ...json, vary: [{ engine: ['onnx'] }] })).toThrow('engine');
    expect(() => readExperiment({ ...json, vary: [], measure: [recall] })).not.toThrow();
  });

  it('has keys of its own, and rows of kvtab those that they had before there were engines', async () => {
    const plan = (vary: unknown) => planExperiment(readExperiment({ ...json, vary }), parts(null, []));
    const [[own0, peer], [before]] = [await plan([{ engine: ['kvtab', 'transformers.js'] }]), await plan([])];
    expect(own0?.keys).toEqual(before?.keys);
    expect(peer?.keys[0]).not.toBe(own0?.keys[0]);
  });

  it('is read from a file only as far as it is well formed', () => {
    const record = { key: 'a'.repeat(64), row: 0, measure: 'speed', item: 0, ms: 1, measured: there };
    expect(readRecord(record)?.measured).toEqual(there);
    expect(readRecord({ ...record, measured: { ...there, engine: 'x'.repeat(3000) } })).toBeNull();
    expect(
      readRecord({ ...record, measured: { ...there, memory: { heapBytes: -1, gpuBytes: null } } }),
    ).toBeNull();
    expect(readRecord({ ...record, measured: { kind: 'unmeasured', reason: 'r' } })).toBeNull();
  });
});
