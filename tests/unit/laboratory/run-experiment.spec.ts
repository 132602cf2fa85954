import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcessorBackend } from '../../../gpu/wasm/backend.ts';
import { threefry2x32 } from '../../../gpu/cpu/random.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { ResultsFile } from '../../../tools/lab/results-file.ts';
import { Sources } from '../../../tools/lab/sources.ts';
import { Engine } from '../../../worker/engine/engine.ts';
import { estimateCost } from '../../../worker/laboratory/estimate-cost.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { exportSummary } from '../../../worker/laboratory/export-summary.ts';
import { missingItems, planExperiment, recordsOf } from '../../../worker/laboratory/plan-experiment.ts';
import { readResults } from '../../../worker/laboratory/records.ts';
import { runExperiment, type ExperimentParts } from '../../../worker/laboratory/run-experiment.ts';
import { summarize } from '../../../worker/laboratory/summary.ts';
import { Refused, succeed } from '../../../worker/outcome.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const tasks = 'public/laboratory/tasks';
const digestOf = (file: string) =>
  createHash('sha256')
    .update(readFileSync(join(tasks, file)))
    .digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'kvtab-lab-'));
const tale = `The old king had three daughters, and the youngest was the fairest of them all.
A fox came out of the wood one evening and asked for a little bread and cheese.
The miller laughed so loud that all his flour flew out of the window into the pond.
Nobody in the whole village had ever seen such a thing before that winter morning.
`;
writeFileSync(join(folder, 'tale.txt'), tale);
const taleDigest = createHash('sha256').update(tale).digest('hex');
const lines = tale
  .trimEnd()
  .split('\n')
  .slice(0, 3)
  .map((text) => `${JSON.stringify({ text })}\n`)
  .join('');
writeFileSync(join(folder, 'lines.jsonl'), lines);
const linesDigest = createHash('sha256').update(lines).digest('hex');
const named = (file: string) => ({ sha256: digestOf(file), name: file });

const json = {
  experiment: 1,
  model: 'fairy-lckv',
  seed: 3,
  base: { backend: 'cpu', mode: 'parallel', kv: 'f32' },
  vary: [{ policy: [{ id: 'none' }, { id: 'sinks', sinks: 2, recent: 6 }] }],
  measure: [
    {
      id: 'ppl',
      kind: 'rolling',
      text: { sha256: linesDigest, name: 'lines.jsonl' },
      column: 'text',
      maxLength: 24,
      promptTokens: 8,
    },
    {
      id: 'next',
      kind: 'choices',
      items: named('odd_choices.jsonl'),
      context: 'ctx',
      choices: 'endings',
      gold: 'label',
      maxLength: 24,
      limit: 3,
    },
    { id: 'word', kind: 'continuation', items: named('odd_last_word.jsonl'), limit: 2, maxLength: 16 },
    {
      id: 'recall',
      kind: 'recall',
      text: { sha256: taleDigest, name: 'tale.txt' },
      distances: [0, 5],
      repeats: 1,
    },
    {
      id: 'hidden',
      kind: 'hidden',
      text: named('fairy_rolling.jsonl'),
      column: 'text',
      maxLength: 8,
      limit: 1,
    },
  ],
};
/** 20 at night. */
const cuts = Number(process.env['KVTAB_KILLS'] ?? 5);
const items = 2 * (3 + 3 + 2 + 2 + 1);
const experiment = readExperiment(json);
const sources = new Sources([folder, tasks]);

describe('An experiment', () => {
  let engine: Engine;
  let parts: ExperimentParts;
  let measured = 0;
  let loads = 0;

  beforeAll(() => {
    engine = new Engine({
      openBackend: () => openProcessorBackend(),
      openTextPlace: placeHere,
      openSource: (model) => succeed(openFolderSource(`public/models/${model}`)),
    });
    parts = {
      peers: null,
      engine: {
        load: (request, onEvent) => {
          loads++;
          return engine.load(request, onEvent);
        },
        countWork: (request) => engine.countWork(request),
        stop: () => {
          engine.stop();
        },
        measure: (request, onEvent) =>
          engine.measure(request, (event) => {
            if (event.type === 'measured') measured++;
            onEvent(event);
          }),
      },
      engineVersion: 'test',
      refOf: (model) => model,
      digestOf: (model) => Promise.resolve(`digest of ${model}`),
      readSource: (wanted) => sources.read(wanted),
    };
  });
  afterAll(async () => {
    await engine.unload();
    rmSync(folder, { recursive: true });
  });

  const run = async (name: string, onItem: (done: number) => void = () => undefined): Promise<string> => {
    const path = join(folder, name);
    const file = ResultsFile.open(path, { kvtab: 'test', experiment: json });
    let done = 0;
    try {
      await runExperiment(experiment, parts, {
        known: file.byKey,
        append: (record) => {
          file.append(record);
          onItem(++done);
        },
        onProgress: () => undefined,
      });
    } finally {
      file.close();
    }
    return readFileSync(path, 'utf8');
  };
  /** Two runs differ in times alone. */
  const withoutTimes = (text: string) => text.replace(/"ms":\d+/g, '"ms":0');

  it('cut at random bytes gives the results of one that was not, and measures nothing twice', async () => {
    const whole = await run('whole.jsonl');
    expect(readResults(whole).records).toHaveLength(items);
    expect(withoutTimes(await run('again.jsonl'))).toBe(withoutTimes(whole));
    for (let kill = 0; kill < cuts; kill++) {
      // A process that is killed leaves some number of bytes, also half a line and half a character.
      const bytes = Buffer.from(whole).subarray(
        0,
        threefry2x32([9, 9], [kill, 0])[0] % Buffer.byteLength(whole),
      );
      writeFileSync(join(folder, 'killed.jsonl'), bytes);
      const left = items - readResults(bytes.toString('utf8')).records.length;
      measured = 0;
      expect(withoutTimes(await run('killed.jsonl')), `after ${bytes.length} bytes`).toBe(
        withoutTimes(whole),
      );
      expect(measured).toBe(left);
    }
  }, 120_000);

  it('keeps what was measured if it is stopped, and goes on from there', async () => {
    const stopping = run('stopped.jsonl', (done) => {
      if (done === 4) engine.stop();
    });
    await expect(stopping).rejects.toThrow(Refused);
    const { records } = readResults(readFileSync(join(folder, 'stopped.jsonl'), 'utf8'));
    expect(records.length).toBeGreaterThanOrEqual(4);
    expect(records.length).toBeLessThan(items);
    expect(readResults(await run('stopped.jsonl')).records).toHaveLength(items);
  });

  it('ends with the reason if a record cannot be written', async () => {
    const failing = runExperiment(experiment, parts, {
      known: new Map(),
      append: () => {
        throw new Error('the disk is full');
      },
      onProgress: () => undefined,
    });
    await expect(failing).rejects.toThrow('the disk is full');
  });

  it('does not continue the results of another experiment', async () => {
    await run('mine.jsonl');
    const open = () =>
      ResultsFile.open(join(folder, 'mine.jsonl'), { kvtab: 'test', experiment: { ...json, seed: 4 } });
    expect(open).toThrow(/another experiment/);
  });

  it('leaves a file alone that holds no results', () => {
    for (const text of ['a note without a line end', '{"kvtab": 1}\n']) {
      const path = join(folder, 'note.txt');
      writeFileSync(path, text);
      expect(() => ResultsFile.open(path, { kvtab: 'test', experiment: json })).toThrow(/other than results/);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('says before the start what it costs', async () => {
    const cost = await estimateCost(experiment, parts, new Map());
    expect(cost).toMatchObject({ items, missing: items });
    expect(cost.tokens).toBeGreaterThan(500);
    expect(cost.ms).toBeGreaterThan(0);
    const { records } = readResults(await run('whole.jsonl'));
    const known = new Map(records.map((record) => [record.key, record]));
    expect(await estimateCost(experiment, parts, known)).toMatchObject({ items, missing: 0, tokens: 0 });
  });

  it('loads nothing if everything is known', async () => {
    await run('whole.jsonl');
    loads = 0;
    await run('whole.jsonl');
    const { records } = readResults(readFileSync(join(folder, 'whole.jsonl'), 'utf8'));
    await estimateCost(experiment, parts, new Map(records.map((record) => [record.key, record])));
    expect(loads).toBe(0);
  });

  it('measures again with another version, and counts only that', async () => {
    await run('versions.jsonl');
    const path = join(folder, 'versions.jsonl');
    const { records } = readResults(readFileSync(path, 'utf8'));
    const cells = await planExperiment(experiment, { ...parts, engineVersion: 'another' });
    expect(recordsOf(cells, records)).toEqual([]);
    expect(cells.flatMap((cell) => missingItems(cell, new Map()))).toHaveLength(items);
    // A record says where it belongs by its key alone.
    const misplaced = records.map((record) => ({ ...record, row: 9, measure: 'else', item: 77 }));
    const mine = recordsOf(await planExperiment(experiment, parts), misplaced);
    expect(mine.map(({ row, measure, item }) => `${row} ${measure} ${item}`).sort()).toEqual(
      records.map(({ row, measure, item }) => `${row} ${measure} ${item}`).sort(),
    );
  });

  it('lets one process write a file at a time, and takes over from one that was killed', async () => {
    const path = join(folder, 'locked.jsonl');
    const head = { kvtab: 'test', experiment: json };
    const holder = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    const lock = `${path}.lock`;
    writeFileSync(lock, JSON.stringify({ pid: holder.pid, host: hostname() }));
    expect(() => ResultsFile.open(path, head)).toThrow(/at the moment/);
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
    ResultsFile.open(path, head).close();
    expect(existsSync(lock)).toBe(false);
    writeFileSync(lock, JSON.stringify({ pid: 1, host: 'another machine' }));
    expect(() => ResultsFile.open(path, head)).toThrow(/another machine/);
  });

  it('reads no record that lies about its shape', () => {
    const record = {
      ...{ key: 'a'.repeat(64), row: 0, measure: 'ppl', item: 0, ms: 1 },
      measured: { kind: 'recall', told: 1, untold: 2, tokens: 3, kvBytes: 4 },
    };
    const read = (value: object) => readResults(`${headOf()}${JSON.stringify(value)}\n`).records;
    const headOf = () => `${JSON.stringify({ kvtab: 'test', experiment: json })}\n`;
    expect(read(record)).toEqual([record]);
    for (const wrong of [
      { ...record, key: '../../x' },
      { ...record, row: -1 },
      { ...record, item: 1.5 },
      { ...record, measured: { ...record.measured, told: '<b>' } },
      { ...record, measured: { kind: 'hidden', states: {}, tokens: 1, kvBytes: 1 } },
    ]) {
      expect(read(wrong)).toEqual([]);
    }
    const deep = `{"kvtab":"1","experiment":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}\n`;
    expect(readResults(deep).head).toBeNull();
  });

  it('becomes a table with paired differences from its first row', async () => {
    const { records } = readResults(await run('whole.jsonl'));
    const summary = summarize(experiment, records, sources.texts);
    expect(summary.rows).toEqual(['none', 'sinks: sinks 2, recent 6']);
    const figure = (name: string) => summary.columns.find((column) => column.name === name)?.figures;
    const [baseline, row] = figure('bits per byte') ?? [];
    expect(baseline?.difference).toBeNull();
    expect(row?.difference?.value).toBeCloseTo((row?.value ?? NaN) - (baseline?.value ?? NaN), 12);
    const [kept, cut] = figure('KV bytes in use') ?? [];
    expect(cut?.value).toBeLessThan(kept?.value ?? 0);
    expect(figure('accuracy')?.[0]?.interval).not.toBeNull();
    for (const format of ['md', 'csv', 'latex'] as const) {
      const text = exportSummary(summary, format);
      expect(text).toContain('bits per byte');
      expect(text).not.toMatch(/NaN|undefined/);
    }
    // Labels come from an experiment, and a spreadsheet runs what begins like a formula.
    const hostile = { ...summary, rows: ['=1+1', ...summary.rows.slice(1)] };
    expect(exportSummary(hostile, 'csv')).toContain(`"'=1+1"`);
    expect(exportSummary(summary, 'latex')).toMatch(/\\toprule[\s\S]*\$\\approx\$/);
  });

  it('refuses a text with another digest, by its name', async () => {
    const wanted = { sha256: '0'.repeat(64), name: 'fairy_next.jsonl' };
    await expect(sources.read(wanted)).rejects.toThrow(/another digest/);
  });
});
