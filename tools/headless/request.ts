import { HostileFields, isObject, show } from '../../worker/hostile-fields.ts';
import { attempt, Refused } from '../../worker/outcome.ts';
import type { ExportRequest } from '../../worker/protocol/export.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type {
  ChatMessage,
  GenerateRequest,
  PolicyRequest,
  PromptTurn,
  Watch,
} from '../../worker/protocol/generate.ts';
import type { SequenceRequest, SequencesRequest } from '../../worker/protocol/sequences.ts';
import type { LoadRequest } from '../../worker/protocol/load.ts';
import type { ConvergenceRequest, ScoreRequest } from '../../worker/protocol/evaluate.ts';
import type { RoundTo } from '../../worker/protocol/export.ts';
import { headlessPlaceOf } from '../../worker/settings/headless-place.ts';
import type { Setting, SettingPart, SettingValue } from '../../worker/settings/setting.ts';
import {
  settings,
  type KeysOfPart,
  type Settings,
  type SettingValues,
} from '../../worker/settings/settings.ts';
import { keysWhere, type Filled } from '../../worker/settings/values.ts';
import { hubModelOf } from './hub-model.ts';

/** A request to the headless runner as calls of the engine: a model is loaded, and then runs or is exported. */
export type HeadlessRequest =
  | RunRequest
  | { readonly load: LoadRequest; readonly sequences: SequencesRequest }
  | { readonly load: LoadRequest; readonly export: ExportRequest };

export interface RunRequest {
  readonly load: LoadRequest;
  readonly generate: GenerateRequest;
  /** If `watch` names `movement` or `exact`. */
  readonly convergence?: ConvergenceRequest;
  /** If there is a `continuation` to score. */
  readonly score?: ScoreRequest;
  /** The name that the prompt has in the request. */
  readonly promptField: PromptField;
}

const promptFields = ['prompt', 'messages', 'tokens', 'turns'] as const;
export type PromptField = (typeof promptFields)[number];

/** Fields of a request that are no settings. */
const otherFields = [
  ...['messages', 'tokens', 'turns', 'logits', 'score', 'ignoreEos', 'watch', 'policy', 'continuation'],
  ...['reference', 'export', 'round', 'sequences'],
];

/** What is computed for one prompt alone. */
const fieldsOfOnePrompt = ['logits', 'score', 'watch', 'continuation', 'reference'];
const roundings = ['bf16', 'f16'] as const satisfies readonly RoundTo[];

/**
 * What can be recorded: drawn tokens, kernels' times, each pass's movement, how far the last one is from exact, every
 * step, and the scores by which a policy chooses.
 */
const watchWords = ['tokens', 'kernels', 'movement', 'exact', 'steps', 'scores'] as const;
type WatchWord = (typeof watchWords)[number];

/** More are read by nobody, and to read them alone takes seconds. */
const MOST_SEQUENCES = 10_000;

const references = ['keep', 'compare'] as const satisfies readonly ScoreRequest['reference'][];

/** The first names of a request that the parts of a table have. */
const topFields = (table: Settings, ...parts: readonly SettingPart[]) => [
  ...new Set(
    keysWhere(({ part }) => parts.includes(part), table).flatMap((key) => {
      const place = headlessPlaceOf(table[key]);
      return place ? [place.object ?? place.name] : [];
    }),
  ),
];

/** Settings as a request has them: those that it leaves to the checkpoint are absent. */
type Read<Part extends SettingPart> = Filled<Pick<SettingValues, KeysOfPart<Part>>>;

/** Reads a part of the settings. Only the part `sharing` may leave settings to the checkpoint. */
function readPart<Part extends SettingPart>(fields: HostileFields, part: Part, table: Settings): Read<Part> {
  const keys = keysWhere((row) => row.part === part, table);
  const objects = new Set(keys.flatMap((key) => headlessPlaceOf(table[key])?.object ?? []));
  const opened = new Map([...objects].map((object) => [object, fields.inner(object)]));
  for (const [object, inner] of opened) inner?.refuseUnknown(namesIn(object, table));
  const read = keys.flatMap((key) => {
    const place = headlessPlaceOf(table[key]);
    if (!place) return [];
    const value = readSetting(
      place.object === null ? fields : (opened.get(place.object) ?? null),
      place.name,
      table[key],
    );
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(read) as unknown as Read<Part>; // entries forget which value belongs to which key
}

const namesIn = (object: string, table: Settings) =>
  keysWhere((row) => headlessPlaceOf(row)?.object === object, table).flatMap(
    (key) => headlessPlaceOf(table[key])?.name ?? [],
  );

/** @param fields null if the request does not have the object that the setting lies in */
function readSetting(fields: HostileFields | null, name: string, row: Setting): SettingValue | undefined {
  const absent = row.headless?.absent;
  if (!fields?.has(name) && typeof absent === 'object') return absent.is;
  if (!fields || (absent === 'as-stored' && !fields.has(name))) return undefined;
  switch (row.kind) {
    case 'number':
      return fields.number(name);
    case 'choice':
      return fields.choice(name, Object.keys(row.options), '');
    case 'flag':
      return fields.flag(name, false);
    case 'text':
      return fields.text(name);
  }
}

/**
 * Reads one request, with its defaults in place.
 *
 * @param json anything that JSON can say
 * @returns `bad-request` naming the field that is unknown, missing, or of the wrong type
 */
export function parseRequest(json: unknown, table: Settings = settings): Outcome<HeadlessRequest> {
  return attempt(() => {
    if (!isObject(json)) {
      throw new Refused({ code: 'bad-request', field: '', reason: `${show(json)} is not an object` });
    }
    const fields = new HostileFields(json, 'bad-request');
    fields.refuseUnknown([
      ...topFields(table, 'model', 'sharing', 'load', 'run', 'prompt', 'sampling'),
      ...otherFields,
    ]);
    const model = fields.text('model');
    const load = { ...readPart(fields, 'load', table), model: hubModelOf(model) ?? model };
    if (fields.has('export')) return { load, export: readExport(fields, table) };
    if (fields.has('sequences')) return { load, sequences: readSequences(fields, table) };
    return { load, ...readRun(fields, table) };
  });
}

/** The policy as the request has it: the engine, which knows the model, checks it and fills it in. */
function readPolicyRequest(fields: HostileFields): PolicyRequest {
  const policy = fields.raw('policy') ?? { id: 'none' };
  if (!isObject(policy)) return fields.refuse('policy', `${show(policy)} is not an object`);
  return { ...policy, id: fields.inner('policy')?.text('id') ?? 'none' };
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
  const watch: Watch = {
    tokens: watched.has('tokens'),
    kernels: watched.has('kernels'),
    rows: false, // only a page draws them
    steps: watched.has('steps'),
    scores: watched.has('scores'),
  };
  return Object.values(watch).some(Boolean) ? { watch } : {};
}

function readRun(fields: HostileFields, table: Settings): Omit<RunRequest, 'load'> {
  const promptField = readPromptField(fields);
  const watched = readWatch(fields);
  const generate: GenerateRequest = {
    input: readInput(fields, promptField),
    config: readPart(fields, 'sharing', table),
    ...readPart(fields, 'run', table),
    policy: readPolicyRequest(fields),
    ignoreEos: fields.flag('ignoreEos', false),
    sampling: readPart(fields, 'sampling', table),
    logits: fields.wholeNumbers('logits'),
    score: fields.flag('score', false),
    ...watchOf(watched),
  };
  const watchesPasses = watched.has('movement') || watched.has('exact');
  return {
    generate,
    ...(watchesPasses && { convergence: { ...generate, exact: watched.has('exact') } }),
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

/** Several sequences. A field that one of them leaves out is the request's own. */
function readSequences(fields: HostileFields, table: Settings): SequencesRequest {
  const other = [...promptFields, ...fieldsOfOnePrompt].find((name) => fields.has(name));
  if (other !== undefined) {
    const why = fieldsOfOnePrompt.includes(other)
      ? 'it is computed for one prompt, not for sequences'
      : 'the prompts were given as sequences already';
    fields.refuse(other, why);
  }
  const entries = fields.raw('sequences');
  if (!Array.isArray(entries)) return fields.refuse('sequences', `${show(entries)} is not an array`);
  if (entries.length === 0) return fields.refuse('sequences', 'it is empty');
  if (entries.length > MOST_SEQUENCES) {
    fields.refuse(
      'sequences',
      `there are ${entries.length}, more than ${MOST_SEQUENCES}; make several requests`,
    );
  }
  const { maxNewTokens, ...run } = readPart(fields, 'run', table);
  const shared = {
    maxNewTokens,
    ignoreEos: fields.flag('ignoreEos', false),
    sampling: readPart(fields, 'sampling', table),
  };
  return {
    config: readPart(fields, 'sharing', table),
    ...run,
    policy: readPolicyRequest(fields),
    tellTexts: false,
    sequences: entries.map((entry: unknown, index) => readSequence(fields, entry, index, shared, table)),
  };
}

function readSequence(
  request: HostileFields,
  entry: unknown,
  index: number,
  shared: Omit<SequenceRequest, 'input'>,
  table: Settings,
): SequenceRequest {
  const name = `sequences[${index}]`;
  if (!isObject(entry)) return request.refuse(name, `${show(entry)} is not an object`);
  const fields = new HostileFields(entry, 'bad-request', name);
  fields.refuseUnknown(['prompt', 'tokens', 'maxNewTokens', 'ignoreEos', 'sampling']);
  if (!fields.has('prompt') && !fields.has('tokens')) {
    const empty = ['prompt', 'tokens'].find((field) => fields.says(field));
    if (empty !== undefined) return fields.lack(empty);
    return fields.refuse('prompt', 'one of prompt, tokens is needed');
  }
  if (fields.has('prompt') && fields.has('tokens')) {
    return fields.refuse('tokens', 'the prompt was given as prompt already');
  }
  return {
    input: fields.has('prompt')
      ? { text: fields.text('prompt') }
      : { turns: [fields.wholeNumbers('tokens')] },
    maxNewTokens: fields.number('maxNewTokens', shared.maxNewTokens),
    ignoreEos: fields.flag('ignoreEos', shared.ignoreEos),
    sampling: { ...shared.sampling, ...readGiven(fields, 'sampling', table) },
  };
}

/** Those settings of a part that the fields do give. */
function readGiven<Part extends SettingPart>(
  fields: HostileFields,
  part: Part,
  table: Settings,
): Partial<Read<Part>> {
  const read = readPart(fields, part, table);
  const given = Object.entries(read).filter(([key]) => {
    const place = headlessPlaceOf(table[key as keyof Settings]); // readPart took the keys from the table
    if (!place) return false;
    return (place.object === null ? fields : fields.inner(place.object))?.has(place.name) ?? false;
  });
  return Object.fromEntries(given) as Partial<Read<Part>>; // entries forget which value belongs to which key
}

function readExport(fields: HostileFields, table: Settings): ExportRequest {
  const allowed = ['export', 'round'];
  for (const name of [...topFields(table, 'run', 'prompt', 'sampling'), ...otherFields]) {
    if (!allowed.includes(name) && fields.has(name)) fields.refuse(name, 'an export runs nothing');
  }
  return {
    config: readPart(fields, 'sharing', table),
    round: fields.choice('round', roundings, 'bf16'),
    to: { to: 'path', path: fields.text('export') },
  };
}

function readPromptField(fields: HostileFields): PromptField {
  const [field, other] = promptFields.filter((name) => fields.has(name));
  if (field === undefined) {
    const empty = promptFields.find((name) => fields.says(name));
    if (empty !== undefined) return fields.lack(empty);
    if (fields.says('sequences')) return fields.lack('sequences');
    return fields.refuse('prompt', `one of ${promptFields.join(', ')}, sequences is needed`);
  }
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
      if (!Array.isArray(turns)) return fields.refuse('turns', `${show(turns)} is not an array of turns`);
      return { turns: turns.map((turn: unknown, index) => readTurn(fields, turn, index)) };
    }
  }
}

/** Tokens, or an object `{"tokens": […], "new": 8}` after which so many are generated. */
function readTurn(fields: HostileFields, turn: unknown, index: number): PromptTurn | readonly number[] {
  if (!isObject(turn)) return fields.wholeNumbersIn('turns', turn);
  const unknown = Object.keys(turn).find((name) => !['tokens', 'new'].includes(name));
  if (unknown !== undefined) {
    fields.refuse('turns', `turn ${index} has a field ${show(unknown)}; known are tokens, new`);
  }
  if (turn['tokens'] === undefined) fields.refuse('turns', `turn ${index} has no tokens`);
  const newTokens = turn['new'] ?? 0;
  if (typeof newTokens !== 'number') {
    return fields.refuse('turns', `turn ${index}, new: ${show(newTokens)} is not a number`);
  }
  return { tokens: fields.wholeNumbersIn('turns', turn['tokens']), newTokens };
}

const roles = ['system', 'user', 'assistant'] as const satisfies readonly ChatMessage['role'][];

function readMessages(fields: HostileFields, messages: unknown): readonly ChatMessage[] {
  if (!Array.isArray(messages)) return fields.refuse('messages', `${show(messages)} is not an array`);
  return messages.map((message: unknown, index) => {
    const role = isObject(message) ? roles.find((known) => known === message['role']) : undefined;
    const content = isObject(message) ? message['content'] : undefined;
    if (role !== undefined && typeof content === 'string') return { role, content };
    return fields.refuse(
      'messages',
      `entry ${index}, ${show(message)}, needs a role (${roles.join(', ')}) and a content, a text`,
    );
  });
}
