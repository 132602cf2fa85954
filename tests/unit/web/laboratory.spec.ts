import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { budgetOf, rowsInWords, shortNames } from '../../../web/panels/laboratory/charts/chart-data.ts';
import { batchRatios } from '../../../web/experiments/batch-ratios.ts';
import { chartsOf } from '../../../web/panels/laboratory/charts/charts.ts';
import { isDominated } from '../../../web/panels/laboratory/charts/pareto.ts';
import { linearAxis, listAxis, logAxis } from '../../../web/ui/plot/plot-axis.ts';
import {
  budgetedPolicies,
  draftExperiment,
  policyOfBudget,
  type Draft,
} from '../../../web/panels/laboratory/draft.ts';
import { experimentHash } from '../../../web/panels/laboratory/experiment-link.ts';
import { harnessItems, harnessKind, harnessTask } from '../../../worker/laboratory/harness-task.ts';
import { itemView } from '../../../web/panels/laboratory/item-views.ts';
import { itemCount, withBackend } from '../../../web/panels/laboratory/open-experiment.ts';
import { readExperimentText, readLaboratoryFile } from '../../../web/panels/laboratory/open-files.ts';
import { ownTextExperiment, ownTextSource } from '../../../web/panels/laboratory/own-text.ts';
import { shippedExperiments, shippedSets } from '../../../web/panels/laboratory/shipped-sets.ts';
import { decodeHash, LONGEST_EXPERIMENT } from '../../../web/settings/hash.ts';
import { ModelDigests } from '../../../tools/lab/model-digest.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { itemsOfMeasure } from '../../../worker/laboratory/measure-items.ts';
import { readRecord } from '../../../worker/laboratory/read-record.ts';
import { headLine, recordLine, type ItemRecord } from '../../../worker/laboratory/records.ts';
import { summarize } from '../../../worker/laboratory/summary.ts';
import { resultsOf } from '../../../worker/laboratory/tasks/task-results.ts';
import { Refused } from '../../../worker/outcome.ts';
import type { Measured } from '../../../worker/protocol/measure.ts';

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8')) as unknown;

describe('what ships', () => {
  it('has the digests that the page knows', async () => {
    for (const { name, sha256 } of Object.values(shippedSets)) {
      const bytes = readFileSync(`public/laboratory/tasks/${name}`);
      expect(createHash('sha256').update(bytes).digest('hex'), name).toBe(sha256);
    }
    const folders = readdirSync('public/models', { withFileTypes: true }).filter((each) =>
      each.isDirectory(),
    );
    const digests: Record<string, string> = {};
    const known = new ModelDigests(process.cwd(), process.cwd());
    for (const { name } of folders) digests[name] = await known.of(name);
    expect(readJson('public/laboratory/models.json'), 'write these digests into the file').toEqual(digests);
  });

  it('has a file for every card, and no item twice', () => {
    for (const id of shippedExperiments) {
      const { rows } = readExperiment(readJson(`public/laboratory/experiments/${id}.json`));
      expect(rows.length).toBeGreaterThan(1);
    }
  });
});

describe('an experiment that is put together', () => {
  const draft: Draft = {
    models: ['fairy-llama'],
    plans: '0_1_2_3_4_5_6_7\n0_6_6_6_6_6_6_7\n\n',
    windows: '',
    modes: ['sequential'],
    passes: '',
    kv: ['f16', 'f32'],
    weights: ['stored'],
    policies: ['sinks', 'h2o'],
    engines: ['kvtab'],
    budgets: '32, 64',
    combine: 'product',
    measures: ['tales', 'next', 'order', 'lastWord', 'recall', 'hidden', 'speed'],
    limit: 3,
    promptTokens: 128,
    rounds: 2,
    batches: '1, 4, largest',
  };

  it('has every combination, or one change of the baseline at a time', () => {
    const product = readExperiment(draftExperiment(draft, 'x'));
    expect(product.rows).toHaveLength(2 * 2 * (1 + 2 * 2));
    const list = readExperiment(draftExperiment({ ...draft, combine: 'list' }, 'x'));
    expect(list.rows).toHaveLength(1 + 1 + 1 + 2 * 2);
    const [baseline] = list.rows;
    for (const row of list.rows.slice(1)) {
      const changed = [
        row.kvPrecision !== baseline?.kvPrecision,
        row.policy.id !== 'none',
        row.config.layerTypes !== baseline?.config.layerTypes,
      ];
      expect(changed.filter(Boolean)).toHaveLength(1);
    }
    expect(product.measures.map(({ kind }) => kind)).toEqual([
      ...['rolling', 'choices', 'choices', 'continuation', 'recall', 'hidden', 'speed'],
    ]);
  });

  it('keeps as many rows under every policy as its budget says', () => {
    for (const kind of budgetedPolicies) {
      for (const rows of [1, 32, 33]) {
        const [row] = readExperiment({
          ...{ experiment: 1, model: 'm', measure: [{ kind: 'speed', prompt: [1], generate: [2] }] },
          base: { policy: policyOfBudget(kind, Math.max(5, rows)) },
        }).rows;
        expect(row && budgetOf(row), kind.id).toBe(Math.max(5, rows));
      }
    }
  });
});

describe('a text of one’s own', () => {
  it('is one item, or one for each paragraph, and the experiment can be read', () => {
    const text = 'One.\nStill one.\n\n  \nTwo "quoted".\r\n\r\nThree.\n';
    expect(ownTextSource(text, false)).toBe(text);
    const lines = ownTextSource(text, true).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual([
      ...['One.\nStill one.', 'Two "quoted".', 'Three.\n'],
    ]);
    const json = ownTextExperiment(
      { sha256: 'a'.repeat(64), name: 'my-text.jsonl' },
      [{ layerTypes: '0_1', model: 'm' }],
      { name: 'n', byParagraph: true, kv: 'f16' },
    );
    expect(readExperiment(json).measures[0]).toMatchObject({ kind: 'rolling', column: 'text' });
  });
});

const experiment = {
  experiment: 1,
  model: 'fairy-llama',
  base: { mode: 'sequential' },
  vary: [{ policy: [{ id: 'none' }, { id: 'sinks', sinks: 4, recent: 28 }, { id: 'tova', rows: 64 }] }],
  measure: [
    { id: 'tales', kind: 'rolling', text: shippedSets.tales, column: 'text' },
    {
      id: 'next',
      kind: 'choices',
      items: shippedSets.next,
      context: 'ctx',
      choices: 'endings',
      gold: 'label',
      limit: 2,
      mutualInfo: true,
    },
    { id: 'recall', kind: 'recall', distances: [0, 100], repeats: 1 },
    { id: 'hidden', kind: 'hidden', text: shippedSets.tales, column: 'text', limit: 1 },
    { id: 'speed', kind: 'speed', prompt: [8], generate: [8], batch: [1, 'largest'], rounds: 2 },
  ],
};

describe('links and files', () => {
  it('carry an experiment there and back, unless it is too long for a link', () => {
    const json = { ...experiment, name: 'Ünïcode & <b> %41 + #' };
    const hash = experimentHash(json);
    const { experiment: text, complaints } = decodeHash(`#${hash ?? ''}`);
    expect(complaints).toEqual([]);
    expect(readExperimentText(text ?? '', 'link')).toEqual(json);
    expect(experimentHash({ ...json, about: 'x'.repeat(LONGEST_EXPERIMENT) })).toBeNull();
    const tooLong = decodeHash(`#v=1&experiment=${'x'.repeat(LONGEST_EXPERIMENT + 1)}`);
    expect(tooLong.experiment).toBeNull();
    expect(tooLong.complaints).toHaveLength(1);
  });

  it('are refused in words if they are no JSON, too deep, or name a field twice', () => {
    for (const text of ['{', '['.repeat(5000), '{"a":1,"a":2}', 'x'.repeat(LONGEST_EXPERIMENT + 1)]) {
      expect(() => readExperimentText(text, 'link')).toThrow(Refused);
    }
  });

  it('tell experiments, results and other texts apart, and drop what is not a record', () => {
    expect(readLaboratoryFile(JSON.stringify(experiment), 'x.json').kind).toBe('experiment');
    expect(readLaboratoryFile('Once upon a time', 'tale.txt').kind).toBe('text');
    expect(() => readLaboratoryFile('Once upon a time', 'tale.json')).toThrow(Refused);
    const measured: Measured = { kind: 'recall', told: -1, untold: -2, tokens: 3, kvBytes: 4 };
    const record: ItemRecord = { key: 'a'.repeat(64), row: 0, measure: 'recall', item: 0, measured, ms: 5 };
    const wrong = [
      ...[
        { ...record, key: 'short' },
        { ...record, row: -1 },
        { ...record, measured: { kind: 'recall' } },
      ],
      ...[{ ...record, measured: { kind: 'likelihood', requests: 'x', kvBytes: 1 } }, null, 7],
    ];
    for (const each of wrong) expect(readRecord(each)).toBeNull();
    const lines = [...wrong, record].map((each) => `${JSON.stringify(each)}\n`).join('');
    const head = headLine({ kvtab: '0.1.0', experiment });
    const read = readLaboratoryFile(`${head}${lines}${recordLine(record).slice(0, 20)}`, 'results.jsonl');
    expect(read).toEqual({ kind: 'results', experiment, records: [record] });
  });

  it('run where the page runs, unless they say where', () => {
    expect(withBackend(experiment, 'webgpu')).toBe(experiment);
    expect(withBackend(experiment, 'cpu')).toMatchObject({ base: { backend: 'cpu', mode: 'sequential' } });
    for (const said of [
      { ...experiment, base: { backend: 'webgpu' } },
      { ...experiment, vary: [{ backend: ['webgpu', 'cpu'] }] },
      { ...experiment, vary: [{ variants: [{ backend: 'webgpu' }] }] },
    ]) {
      expect(withBackend(said, 'cpu')).toBe(said);
    }
  });
});

const source = (name: string) => readFileSync(`public/laboratory/tasks/${name}`, 'utf8');
const texts = new Map(
  Object.values(shippedSets).map(({ sha256, name }) => [sha256 as string, source(name)] as const),
);

describe('results', () => {
  const read = readExperiment(experiment);
  const items = new Map(
    read.measures.map((measure) => {
      const text = 'text' in measure ? measure.text : 'items' in measure ? measure.items : null;
      const whole = (text && texts.get(text.sha256)) ?? '';
      return [measure, itemsOfMeasure(measure, whole, { contextTokens: 512, seed: 1 })] as const;
    }),
  );
  const measuredOf = (kind: string, row: number, item: number): Measured => {
    const kvBytes = 1000 * (3 - row);
    switch (kind) {
      case 'rolling':
        return { kind, logLikelihood: -100 - 10 * row - item, tokens: 50, words: 30, bytes: 200, kvBytes };
      case 'choices': {
        // Without the context the first choice is as likely as with it, and the others gain.
        const nats = [0, 1, 2, 3].map((choice) => -10 - ((choice + item) % 4));
        const requests = [...nats, ...nats.map((each, choice) => each - choice)].map((logLikelihood) => ({
          ...{ logLikelihood, greedy: false, tokens: 4, cut: 0 },
        }));
        return { kind: 'likelihood', requests, kvBytes };
      }
      case 'recall':
        return { kind, told: -10, untold: -12 - row, tokens: 9, kvBytes };
      case 'hidden': {
        const state = { matrixNuclearNorm: 0.5, nuclearNorm: 0.6, entropy: 0.7 };
        return { kind, tokens: 9, states: [state, state, { ...state, entropy: null }], kvBytes };
      }
      default:
        return {
          ...{ kind: 'speed', prefillMs: 10, decodeMs: 20 + item, kvBytes, kvBytesAllocated: 2 * kvBytes },
          ...{ weightBytes: 5000, scratchBytes: 300, largestBatch: 7 },
          ...{ batch: item % 2 === 0 ? 1 : 7, places: item % 2 === 0 ? 1 : 7 },
        };
    }
  };
  const records = read.rows.flatMap((_, row) =>
    [...items].flatMap(([{ id, kind }, { facts }]) =>
      facts.map((__, item): ItemRecord => ({
        ...{ key: '', row, measure: id, item, measured: measuredOf(kind, row, item), ms: 1 },
      })),
    ),
  );
  const summary = summarize(read, records, texts);
  const names = shortNames(summary.rows);
  const charts = chartsOf({ experiment: read, summary, records, names });

  it('make a chart of everything that was measured, at every width', () => {
    expect(charts.map(({ id }) => id)).toEqual([
      ...['pareto', 'budget', 'recall', 'batch', 'throughput', 'bytes'],
      ...['matrix-norm', 'nuclear-norm', 'entropy'],
    ]);
    for (const { id, draw } of charts) {
      for (const widthPx of [280, 720]) {
        const { shapes } = draw(widthPx);
        expect(shapes.length, id).toBeGreaterThan(5);
        expect(JSON.stringify(shapes), id).not.toMatch(/NaN|Infinity|null,"y"/);
      }
    }
    expect(chartsOf({ experiment: read, summary: summarize(read, [], texts), records: [], names })).toEqual(
      [],
    );
  });

  it('say what the largest batch brings against the baseline', () => {
    const [, row] = batchRatios({ experiment: read, records, names });
    // As many fit in every row of these records, at the same speed. Row 2 has a third of the baseline's KV.
    expect(row).toEqual({ label: names[2], sequences: 1, faster: 1, bytes: 3 });
    expect(batchRatios({ experiment: read, records: [], names })).toEqual([]);
  });

  it('count what the context adds to each choice, if it is asked for', () => {
    const column = summary.columns.find(({ name }) => name === 'accuracy by mutual information');
    const golds = read.measures.flatMap((measure) =>
      measure.id === 'next' ? (items.get(measure)?.facts.map(({ gold }) => gold) ?? []) : [],
    );
    // The context adds most to the last choice.
    expect(column?.figures[0]?.value).toBe(golds.filter((gold) => gold === 3).length / golds.length);
    const task = read.measures.find(({ id }) => id === 'next');
    expect(task && harnessKind(task)?.metrics).toContainEqual(['acc_mutual_info', true]);
  });

  it('count the items of all rows', () => {
    expect(itemCount({ id: '', experiment: read, name: '', about: '', missing: [], items })).toBe(
      records.length,
    );
  });

  it('show what an item asked and what came out', () => {
    const next = [...items].find(([{ id }]) => id === 'next');
    if (!next) throw new Error('the measure is there');
    const { gold } = next[1].facts[1] ?? { gold: -1 };
    const view = itemView(next[1], 1, measuredOf('choices', 0, 1));
    expect(view.choices).toHaveLength(8);
    expect(view.choices[4]?.marks).toEqual(['without the context']);
    expect(view.choices[gold]?.marks).toContain('right answer');
    expect(view.choices[3]?.marks).toContain('chosen');
    expect(view.choices[0]).toMatchObject({ logLikelihood: '-11', tokens: '4', cut: '0', greedy: 'no' });
    expect(view.context.length).toBeGreaterThan(100);
    expect(itemView(next[1], 1, null).said).toEqual(['not measured yet']);
  });

  it('are written in the harness’s layout with its own keys', async () => {
    for (const [measure, ofMeasure] of items) {
      const kind = harnessKind(measure);
      if (!kind) continue;
      const text = 'text' in measure ? measure.text : 'items' in measure ? measure.items : null;
      const all = harnessItems(measure, ofMeasure, (text && texts.get(text.sha256)) ?? '');
      const task = harnessTask(measure, kind, {});
      const measured = all.map((_, i) => measuredOf(measure.kind, 0, i));
      const { numbers, samples } = await resultsOf({ task, items: all, measured }, 10);
      const column = summary.columns.find(
        ({ measure: id, name }) => id === measure.id && ['accuracy', 'bits per byte'].includes(name),
      );
      const key = measure.kind === 'rolling' ? 'bits_per_byte,none' : 'acc,none';
      expect(numbers[key]).toBeCloseTo(column?.figures[0]?.value ?? NaN, 12);
      expect(samples).toHaveLength(all.length);
    }
  });
});

describe('charts', () => {
  it('call a point dominated only if another is no larger and no worse, and better in one', () => {
    const [a, b, c] = [
      { x: 1, y: 2 },
      { x: 2, y: 1 },
      { x: 2, y: 3 },
    ];
    const all = [a, b, c];
    expect(all.map((point) => isDominated(point, all, false))).toEqual([false, false, true]);
    expect(all.map((point) => isDominated(point, all, true))).toEqual([false, true, false]);
    expect(isDominated(a, [a, { ...a }], false)).toBe(false);
  });

  it('place all values inside their axes, and round ticks', () => {
    const values = [1.2345, 1.4, 1.9];
    const linear = linearAxis('', values, String);
    expect(linear.ticks).toEqual([1.2, 1.4, 1.6, 1.8, 2]);
    const axes = [linear, logAxis('', [3, 700, 100_000], String), listAxis('', [0, 100, 440], String)];
    for (const [i, axis] of axes.entries()) {
      for (const value of [values, [3, 700, 100_000], [0, 100, 440]][i] ?? []) {
        expect(axis.place(value)).toBeGreaterThanOrEqual(0);
        expect(axis.place(value)).toBeLessThanOrEqual(1);
      }
    }
    expect(linearAxis('', [2, 2], String).ticks.length).toBeGreaterThan(1);
    expect(logAxis('', [8], String).place(8)).toBeCloseTo(0.5);
    expect(logAxis('', [88, 192], String).ticks).toEqual([96, 128, 192]);
    expect(logAxis('', [32, 256], String).ticks).toEqual([32, 64, 128, 256]);
  });

  it('name rows by what they alone have, and by number if that is long', () => {
    expect(shortNames(['model fairy-cla', 'model fairy-lckv'])).toEqual(['cla', 'lckv']);
    expect(shortNames(['baseline'])).toEqual(['baseline']);
    expect(shortNames(['kv f16', 'kv f32', 'kv f16'])).toEqual(['1', '2', '3']);
    const long = ['layers 0_1_2_3_4_5_6_7_8_9_10', 'layers 0_0_0_0_0_0_0_0_0_0_10'];
    expect(shortNames(long)).toEqual(['1', '2']);
    expect(rowsInWords(long, shortNames(long))).toBe(`1 ${long[0] ?? ''}; 2 ${long[1] ?? ''}`);
    expect(rowsInWords(['a x', 'a y'], ['x', 'y'])).toBe('');
  });
});
