import type { ModeChoice } from '../../gpu/plan/forward-plan.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import type { WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { greedy, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import { HostileFields, isObject, show } from '../../worker/hostile-fields.ts';
import { attempt, Refused } from '../../worker/outcome.ts';
import type { ExportRequest } from '../../worker/protocol/export.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { ChatMessage, GenerateRequest, Watch } from '../../worker/protocol/generate.ts';
import type { BackendChoice, LoadRequest, SharingConfig } from '../../worker/protocol/load.ts';
import type { ConvergenceRequest, ScoreRequest } from '../../worker/protocol/measure.ts';
import type { RoundTo } from '../../worker/protocol/export.ts';
import { hubModelOf } from './hub-model.ts';

/** A request of the headless runner, as the engine's calls: a model is loaded, and then runs or is exported. */
export type HeadlessRequest = RunRequest | { readonly load: LoadRequest; readonly export: ExportRequest };

export interface RunRequest {
  readonly load: LoadRequest;
  readonly generate: GenerateRequest;
  /** Where `watch` names `movement` or `exact`. */
  readonly convergence?: ConvergenceRequest;
  /** Where there is a `continuation` to score. */
  readonly score?: ScoreRequest;
  /** Under which of its names the prompt came. */
  readonly promptField: PromptField;
}

const promptFields = ['prompt', 'messages', 'tokens', 'turns'] as const;
export type PromptField = (typeof promptFields)[number];

const backends = ['webgpu', 'cpu'] as const satisfies readonly BackendChoice[];
const weightPrecisions = ['stored', 'f32', 'f16', 'q8', 'q4'] as const satisfies readonly WeightPrecision[];
const kvPrecisions = ['f16', 'f32'] as const satisfies readonly KvPrecision[];
const modes = ['auto', 'sequential', 'parallel'] as const satisfies readonly ModeChoice[];

const requestFields = [
  ...['model', 'config', 'mode', 'backend', 'weights', 'quantizeEmbeddings', 'kv', ...promptFields],
  ...['logits', 'score', 'maxNewTokens', 'ignoreEos', 'sampling', 'watch', 'continuation', 'reference'],
  ...['export', 'round'],
];
/** What a request that exports may say besides. */
const exportFields = ['model', 'config', 'backend', 'weights', 'export', 'round'];
const roundings = ['bf16', 'f16'] as const satisfies readonly RoundTo[];

/** What may be watched: drawn tokens, kernels' times, each pass's movement, and how far the last one is from exact. */
const watchWords = ['tokens', 'kernels', 'movement', 'exact'] as const;
type WatchWord = (typeof watchWords)[number];

const references = ['keep', 'compare'] as const satisfies readonly ScoreRequest['reference'][];

/** Each field of a request's `config`, by its name in config.json. */
const configFields = {
  layer_types: 'layerTypes',
  sliding_window: 'slidingWindow',
  forward_passes: 'forwardPasses',
  backward_passes: 'backwardPasses',
  force_nodiag: 'forceNodiag',
} as const satisfies Record<string, keyof SharingConfig>;

/**
 * Reads one request, with its defaults in place.
 *
 * @param json anything that JSON can say
 * @returns `bad-request` naming the field that is unknown, missing, or of the wrong type
 */
export function parseRequest(json: unknown): Outcome<HeadlessRequest> {
  return attempt(() => {
    if (!isObject(json)) {
      throw new Refused({ code: 'bad-request', field: '', reason: `${show(json)} is not an object` });
    }
    const fields = new HostileFields(json, 'bad-request');
    fields.refuseUnknown(requestFields);
    const model = fields.text('model');
    const load = {
      model: hubModelOf(model) ?? model,
      backend: fields.choice('backend', backends, 'webgpu'),
      weights: fields.choice('weights', weightPrecisions, 'stored'),
      quantizeEmbeddings: fields.flag('quantizeEmbeddings', false),
    };
    return fields.has('export') ? { load, export: readExport(fields) } : { load, ...readRun(fields) };
  });
}

function readWatch(fields: HostileFields): ReadonlySet<WatchWord> {
  const words = fields.raw('watch') ?? [];
  if (!Array.isArray(words)) return fields.refuse('watch', `${show(words)} is not an array`);
  return new Set(
    words.map((word: unknown) => {
      const known = watchWords.find((each) => each === word);
      return known ?? fields.refuse('watch', `${show(word)} is none of ${watchWords.join(', ')}`);
    }),
  );
}

function watchOf(watched: ReadonlySet<WatchWord>): { readonly watch?: Watch } {
  const watch = { tokens: watched.has('tokens'), kernels: watched.has('kernels') };
  return watch.tokens || watch.kernels ? { watch } : {};
}

function readRun(fields: HostileFields): Omit<RunRequest, 'load'> {
  const promptField = readPromptField(fields);
  const watched = readWatch(fields);
  const generate: GenerateRequest = {
    input: readInput(fields, promptField),
    config: readConfig(fields),
    mode: fields.choice('mode', modes, 'auto'),
    kvPrecision: fields.choice('kv', kvPrecisions, 'f16'),
    maxNewTokens: fields.number('maxNewTokens', 64),
    ignoreEos: fields.flag('ignoreEos', false),
    sampling: readSampling(fields),
    logits: fields.wholeNumbers('logits'),
    score: fields.flag('score', false),
    ...watchOf(watched),
  };
  const measuresPasses = watched.has('movement') || watched.has('exact');
  return {
    generate,
    ...(measuresPasses && { convergence: { ...generate, exact: watched.has('exact') } }),
    ...(fields.has('continuation') && {
      score: {
        ...generate,
        continuation: fields.wholeNumbers('continuation'),
        reference: fields.choice('reference', references, 'keep'),
      },
    }),
    promptField,
  };
}

function readExport(fields: HostileFields): ExportRequest {
  for (const name of requestFields) {
    if (!exportFields.includes(name) && fields.has(name)) fields.refuse(name, 'an export runs nothing');
  }
  return {
    config: readConfig(fields),
    round: fields.choice('round', roundings, 'bf16'),
    to: { to: 'path', path: fields.text('export') },
  };
}

function readPromptField(fields: HostileFields): PromptField {
  const [field, other] = promptFields.filter((name) => fields.has(name));
  if (field === undefined) return fields.refuse('prompt', `one of ${promptFields.join(', ')} is needed`);
  if (other !== undefined) return fields.refuse(other, `the prompt was given as ${field} already`);
  return field;
}

function readInput(fields: HostileFields, promptField: PromptField): GenerateRequest['input'] {
  switch (promptField) {
    case 'prompt':
      return { text: fields.text('prompt') };
    case 'messages':
      return { chat: readMessages(fields, fields.raw('messages')) };
    case 'tokens':
      return { turns: [fields.wholeNumbers('tokens')] };
    case 'turns': {
      const turns = fields.raw('turns');
      if (!Array.isArray(turns)) return fields.refuse('turns', `${show(turns)} is not an array of arrays`);
      return { turns: turns.map((turn: unknown) => fields.wholeNumbersIn('turns', turn)) };
    }
  }
}

const roles = ['system', 'user', 'assistant'] as const satisfies readonly ChatMessage['role'][];

function readMessages(fields: HostileFields, messages: unknown): readonly ChatMessage[] {
  if (!Array.isArray(messages)) return fields.refuse('messages', `${show(messages)} is not an array`);
  return messages.map((message: unknown, index) => {
    const role = isObject(message) ? roles.find((known) => known === message['role']) : undefined;
    const content = isObject(message) ? message['content'] : undefined;
    if (role !== undefined && typeof content === 'string') return { role, content };
    return fields.refuse('messages', `entry ${index} needs a role (${roles.join(', ')}) and a content`);
  });
}

function readConfig(fields: HostileFields): Partial<SharingConfig> {
  const config = fields.inner('config');
  if (!config) return {};
  config.refuseUnknown(Object.keys(configFields));
  const said: { -readonly [field in keyof SharingConfig]?: SharingConfig[field] } = {};
  if (config.has('layer_types')) said.layerTypes = config.text('layer_types');
  for (const name of ['sliding_window', 'forward_passes', 'backward_passes'] as const) {
    if (config.has(name)) said[configFields[name]] = config.number(name);
  }
  if (config.has('force_nodiag')) said.forceNodiag = config.flag('force_nodiag', false);
  return said;
}

function readSampling(fields: HostileFields): SamplingOptions {
  const sampling = fields.inner('sampling');
  if (!sampling) return greedy;
  sampling.refuseUnknown(Object.keys(greedy));
  const number = (name: keyof SamplingOptions) => sampling.number(name, greedy[name]);
  return {
    temperature: number('temperature'),
    topK: number('topK'),
    topP: number('topP'),
    minP: number('minP'),
    repetitionPenalty: number('repetitionPenalty'),
    seed: number('seed'),
  };
}
