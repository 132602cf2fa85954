import { expect, it } from 'vitest';
import { harnessFiles, type TaskOutcome } from '../../../worker/laboratory/tasks/harness-files.ts';

const outcome: TaskOutcome = {
  task: {
    name: 'next sentence',
    outputType: 'multiple_choice',
    dataFiles: new Map(),
    ...{ split: 'test', fewshotSplit: 'test', fewshotCount: 2, fewshotSamples: null },
    ...{ docToText: null, docToTarget: null, docToChoice: null, description: '' },
    ...{ targetDelimiter: ' ', fewshotDelimiter: '\n\n', until: [], maxNewTokens: 0 },
    metrics: [
      {
        ...{ name: 'acc', higherIsBetter: true },
        ignoreCase: false,
        ignorePunctuation: false,
        ignoreNumbers: false,
      },
    ],
    version: 3,
    config: { task: 'next sentence' },
  },
  config: { task: 'next sentence', repeats: 1 },
  numbers: { 'acc,none': 0.5 },
  samples: [{ doc_id: 0 }, { doc_id: 1 }],
  hash: 'abc',
  notScorable: 1,
  items: 5,
  measured: 2,
};

const files = harnessFiles([outcome], {
  startedAt: new Date('2026-11-26T10:00:00.000Z'),
  savedAt: new Date('2026-11-26T10:00:02.500Z'),
  model: 'folder/my model',
  modelArgs: { backend: 'cpu', kv: 'f32', mode: 'auto' },
  limit: 5,
  bootstrapIterations: 1000,
  config: { device: 'a processor' },
  beside: { max_length: 512 },
  own: { begin: 'harness' },
});

it('Names the files by the time at which they are saved, without signs that a file system refuses', () => {
  expect(files.map(({ name }) => name)).toEqual([
    'results_2026-11-26T10-00-02.500.json',
    'samples_next_sentence_2026-11-26T10-00-02.500.jsonl',
  ]);
});

it('Writes the keys of the harness, and its own below kvtab', () => {
  expect(JSON.parse(files[0]?.text ?? '')).toEqual({
    results: { 'next sentence': { 'acc,none': 0.5 } },
    group_subtasks: {},
    configs: { 'next sentence': { task: 'next sentence', repeats: 1 } },
    versions: { 'next sentence': 3 },
    'n-shot': { 'next sentence': 2 },
    higher_is_better: { 'next sentence': { acc: true } },
    'n-samples': { 'next sentence': { original: 5, effective: 2 } },
    config: {
      model: 'kvtab',
      model_args: { pretrained: 'folder/my model', backend: 'cpu', kv: 'f32', mode: 'auto' },
      ...{ batch_size: 1, batch_sizes: [], limit: 5, bootstrap_iters: 1000, gen_kwargs: null },
      device: 'a processor',
    },
    date: Date.UTC(2026, 10, 26, 10) / 1000,
    task_hashes: { 'next sentence': 'abc' },
    model_source: 'kvtab',
    model_name: 'folder/my model',
    model_name_sanitized: 'folder__my__model',
    ...{ system_instruction: null, chat_template: null, max_length: 512 },
    kvtab: {
      rules: 'lm-evaluation-harness 0.4.13',
      begin: 'harness',
      not_scorable: { 'next sentence': 1 },
    },
  });
});

it('Writes one sample a line', () => {
  expect(files[1]?.text).toBe('{"doc_id":0}\n{"doc_id":1}\n');
});
