/** Task files of lm-evaluation-harness 0.4.13: the part of them that is data. */
import { brief, HostileFields, isObject, show } from '../../hostile-fields.ts';
import { Refused } from '../../outcome.ts';
import { metricsOf, outputTypes, type MetricName, type OutputType } from './metric-names.ts';
import { readYaml } from './read-yaml.ts';

/** A column of the data, a template, or a value that is the same for every document. */
export type DocumentRule = string | number | readonly unknown[] | null;

export interface TaskMetric {
  readonly name: MetricName;
  readonly higherIsBetter: boolean;
  readonly ignoreCase: boolean;
  readonly ignorePunctuation: boolean;
  readonly ignoreNumbers: boolean;
}

export interface Task {
  readonly name: string;
  readonly outputType: OutputType;
  /** The files of each split. */
  readonly dataFiles: ReadonlyMap<string, readonly string[]>;
  /** The split that is evaluated, and the one that examples come from. */
  readonly split: string;
  readonly fewshotSplit: string;
  readonly fewshotCount: number;
  /** Examples that the task file itself holds. */
  readonly fewshotSamples: readonly Readonly<Record<string, unknown>>[] | null;
  readonly docToText: DocumentRule;
  readonly docToTarget: DocumentRule;
  readonly docToChoice: DocumentRule;
  readonly description: string;
  readonly targetDelimiter: string;
  readonly fewshotDelimiter: string;
  readonly metrics: readonly TaskMetric[];
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  /** What `metadata.version` says. */
  readonly version: unknown;
  /** The file as it is, for the results. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Fields that say nothing about the numbers. */
const ignored = [
  ...[
    'task_alias',
    'tag',
    'dataset_name',
    'should_decontaminate',
    'doc_to_decontamination_query',
    'metadata',
  ],
];

/** Fields that name code, or something else that kvtab does not do. */
const refused: Readonly<Record<string, string>> = {
  process_docs: 'it names code of Python',
  process_results: 'it names code of Python',
  custom_dataset: 'it names code of Python',
  use_prompt: 'it names prompts of another package',
  doc_to_image: 'kvtab reads text alone',
  doc_to_audio: 'kvtab reads text alone',
  include: 'kvtab reads one file for each task',
  group: 'kvtab reads tasks, not groups',
  gen_prefix: 'kvtab continues the context itself',
  class: 'it names code of Python',
};

const known = [
  ...['task', 'dataset_path', 'dataset_kwargs', 'training_split', 'validation_split', 'test_split'],
  ...['fewshot_split', 'doc_to_text', 'doc_to_target', 'doc_to_choice', 'description', 'target_delimiter'],
  ...[
    'fewshot_delimiter',
    'fewshot_config',
    'num_fewshot',
    'metric_list',
    'output_type',
    'generation_kwargs',
  ],
  ...['repeats', 'filter_list', 'unsafe_code'],
];

/** What `max_gen_toks` is in the harness if a task does not say. */
const DEFAULT_NEW_TOKENS = 256;

/**
 * Reads a task file.
 *
 * @param file its name, for failures
 * @throws Refused with `bad-request`, naming the file and the field
 */
export function readTask(text: string, file: string): Task {
  const value = readYaml(text, file);
  if (!isObject(value))
    throw new Refused({ code: 'bad-request', field: file, reason: 'it is not a task file' });
  const fields = new HostileFields(value, 'bad-request', file);
  for (const [name, why] of Object.entries(refused)) {
    if (fields.has(name)) fields.refuse(name, `${brief(show(fields.raw(name)))} is not supported: ${why}`);
  }
  fields.refuseUnknown([...known, ...ignored, ...Object.keys(refused)]);
  if (fields.flag('unsafe_code', false)) fields.refuse('unsafe_code', 'kvtab runs no code of a task');
  if (fields.whole('repeats', { min: 1, max: 1, fallback: 1 }) !== 1)
    fields.refuse('repeats', 'it must be 1');
  checkFilters(fields);

  const outputType = fields.choice('output_type', outputTypes, 'generate_until');
  const splits = ['test_split', 'validation_split', 'training_split'].flatMap((name) =>
    fields.has(name) ? [fields.text(name)] : [],
  );
  const split = fields.has('test_split') ? fields.text('test_split') : fields.text('validation_split');
  const fewshotDelimiter = fields.text('fewshot_delimiter', '\n\n');
  const fewshot = readFewshot(fields);
  const trains = fields.has('training_split') ? fields.text('training_split') : null;
  return {
    name: fields.text('task'),
    outputType,
    dataFiles: readDataFiles(fields, splits),
    split,
    fewshotSplit: fields.has('fewshot_split')
      ? fields.text('fewshot_split')
      : (fewshot.split ??
        trains ??
        (fields.has('validation_split') ? fields.text('validation_split') : split)),
    fewshotCount: fewshot.count,
    fewshotSamples: fewshot.samples,
    docToText: ruleOf(fields, 'doc_to_text'),
    docToTarget: ruleOf(fields, 'doc_to_target'),
    docToChoice: ruleOf(fields, 'doc_to_choice'),
    description: fields.text('description', ''),
    targetDelimiter: fields.text('target_delimiter', ' '),
    fewshotDelimiter,
    metrics: metricsOf(fields, outputType),
    ...readGeneration(fields, fewshotDelimiter),
    version: fields.inner('metadata')?.raw('version') ?? 'Yaml',
    config: value,
  };
}

function ruleOf(fields: HostileFields, name: string): DocumentRule {
  const value = fields.raw(name);
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (Array.isArray(value)) return value as readonly unknown[];
  if (isObject(value)) return Object.values(value);
  return fields.refuse(name, `${show(value)} is neither a column, a template nor a list`);
}

/** The data lies in JSON files beside the task file: kvtab downloads no data sets. */
function readDataFiles(
  fields: HostileFields,
  splits: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const path = fields.text('dataset_path');
  if (path !== 'json') {
    const reason = `${show(path)} would be downloaded; kvtab reads JSON files beside the task file, by dataset_path: json`;
    fields.refuse('dataset_path', reason);
  }
  const kwargs = fields.inner('dataset_kwargs') ?? fields.lack('dataset_kwargs');
  kwargs.refuseUnknown(['data_files', 'trust_remote_code']);
  const files = kwargs.raw('data_files');
  const filesOf = (value: unknown): readonly string[] => {
    const names: unknown[] = Array.isArray(value) ? value : [value];
    return names.map((name) => {
      if (typeof name === 'string' && isPlainName(name)) return name;
      return kwargs.refuse('data_files', `${show(name)} is not the name of a file beside the task file`);
    });
  };
  // Without names of splits, the library for data sets calls it train.
  const map = isObject(files)
    ? new Map(Object.entries(files).map(([split, names]) => [split, filesOf(names)] as const))
    : new Map([['train', filesOf(files)]]);
  for (const split of splits) {
    if (!map.has(split)) kwargs.refuse('data_files', `it names no file of the split ${show(split)}`);
  }
  return map;
}

const isPlainName = (name: string) => /^[^/\\]{1,200}\.jsonl?$/.test(name) && !name.startsWith('.');

function readFewshot(fields: HostileFields) {
  const count = fields.whole('num_fewshot', { min: 0, max: 1000, fallback: 0 });
  const config = fields.inner('fewshot_config');
  config?.refuseUnknown(['sampler', 'split', 'samples']);
  const sampler = config?.text('sampler', 'default') ?? 'default';
  if (count > 0 && sampler !== 'first_n') {
    fields.refuse(
      'fewshot_config',
      `the sampler ${show(sampler)} draws at random with Python’s generator; use first_n`,
    );
  }
  const samples = config?.raw('samples');
  if (samples !== undefined && !(Array.isArray(samples) && samples.every(isObject))) {
    fields.refuse('fewshot_config', 'samples must be a list of documents');
  }
  return {
    count,
    split: config?.has('split') ? config.text('split') : null,
    samples: (samples ?? null) as readonly Readonly<Record<string, unknown>>[] | null, // checked above
  };
}

function readGeneration(fields: HostileFields, fewshotDelimiter: string) {
  const given = fields.inner('generation_kwargs');
  given?.refuseUnknown(['until', 'max_gen_toks', 'do_sample', 'temperature']);
  if (given?.flag('do_sample', false)) given.refuse('do_sample', 'evaluations are greedy');
  if (given && given.number('temperature', 0) !== 0) given.refuse('temperature', 'evaluations are greedy');
  const until = given?.raw('until') ?? [fewshotDelimiter];
  const texts: unknown[] = Array.isArray(until) ? until : [until];
  return {
    until: texts.map((text) =>
      typeof text === 'string'
        ? text
        : fields.refuse('generation_kwargs', `until: ${show(text)} is not a text`),
    ),
    maxNewTokens:
      given?.whole('max_gen_toks', { min: 1, max: 100_000, fallback: DEFAULT_NEW_TOKENS }) ??
      DEFAULT_NEW_TOKENS,
  };
}

/** The one filter that changes nothing. */
function checkFilters(fields: HostileFields): void {
  const filters = fields.raw('filter_list');
  if (filters === undefined) return;
  const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
  const steps = listOf(filters).flatMap((each) => (isObject(each) ? listOf(each['filter']) : [each]));
  const other = steps.find((step) => !(isObject(step) && step['function'] === 'take_first'));
  if (other !== undefined) fields.refuse('filter_list', `${show(other)}: only take_first is supported`);
}
