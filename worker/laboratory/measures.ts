/** What an experiment measures. */
import { HostileFields, isObject, show } from '../hostile-fields.ts';
import type { BatchSize, Begin } from '../protocol/measure.ts';
import { Refused } from '../outcome.ts';

/** A text or a list of items, by its digest. Links and results carry the digest, never the text. */
export interface ByDigest {
  readonly sha256: string;
  /** What to ask for if it is not at hand. */
  readonly name: string | null;
}

interface Named {
  readonly id: string;
}

export interface RollingMeasure extends Named {
  readonly kind: 'rolling';
  readonly text: ByDigest;
  /** The column of the text in a file of items; null for a plain text. */
  readonly column: string | null;
  readonly maxLength: number | null;
  readonly begin: Begin;
  readonly promptTokens: number | null;
  readonly limit: number | null;
}

export interface ChoicesMeasure extends Named {
  readonly kind: 'choices';
  readonly items: ByDigest;
  readonly context: string;
  readonly choices: string;
  readonly gold: string;
  readonly delimiter: string;
  /** Whether each choice is scored without the context too, for the accuracy by mutual information. */
  readonly mutualInfo: boolean;
  readonly maxLength: number | null;
  readonly limit: number | null;
}

export interface ContinuationMeasure extends Named {
  readonly kind: 'continuation';
  readonly items: ByDigest;
  /** Null: the last word of the column `text`, as LAMBADA asks for it. */
  readonly columns: { readonly context: string; readonly continuation: string } | null;
  readonly maxLength: number | null;
  readonly limit: number | null;
}

export const matchRules = ['exact', 'contains-all', 'contains-any'] as const;

export interface GenerateMeasure extends Named {
  readonly kind: 'generate';
  readonly items: ByDigest;
  readonly context: string;
  readonly target: string;
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  /** Equal to a reference; or, as RULER counts, the fraction of references in it, or whether one is, in any case. */
  readonly match: (typeof matchRules)[number];
  readonly maxLength: number | null;
  readonly limit: number | null;
}

export interface RecallMeasure extends Named {
  readonly kind: 'recall';
  readonly text: ByDigest;
  readonly column: string | null;
  readonly distances: readonly number[];
  readonly repeats: number;
}

export interface HiddenMeasure extends Named {
  readonly kind: 'hidden';
  readonly text: ByDigest;
  readonly column: string | null;
  readonly maxLength: number | null;
  readonly limit: number | null;
}

export interface SpeedMeasure extends Named {
  readonly kind: 'speed';
  readonly prompt: readonly number[];
  readonly generate: readonly number[];
  /** Sequences that are written together. */
  readonly batch: readonly BatchSize[];
  readonly budgetBytes: number;
  readonly rounds: number;
}

export type Measure =
  | RollingMeasure
  | ChoicesMeasure
  | ContinuationMeasure
  | GenerateMeasure
  | RecallMeasure
  | HiddenMeasure
  | SpeedMeasure;

/** More are never decoded at once. */
const LARGEST_BATCH = 4096;

/** Items of a measure that makes its items itself. */
const MOST_ITEMS = 100_000;

const kinds = ['rolling', 'choices', 'continuation', 'generate', 'recall', 'hidden', 'speed'] as const;

/** The stories that ship, from which recall takes its sentences unless it names another text. */
export const shippedStories: ByDigest = {
  sha256: '426ce138a46051d80566d3a0efbe36d96ce097427e84d92c733c39de0effb0b8',
  name: 'fairy_next.jsonl',
};

/** @throws Refused with `bad-request`, naming the field */
export function readMeasures(fields: HostileFields): readonly Measure[] {
  const list = fields.raw('measure');
  if (!Array.isArray(list) || list.length === 0) {
    return fields.refuse('measure', 'an experiment measures at least one thing');
  }
  const measures = (list as readonly unknown[]).map((entry, i) => {
    const place = `measure[${i}]`;
    if (isObject(entry)) return readMeasure(new HostileFields(entry, 'bad-request', place));
    throw new Refused({ code: 'bad-request', field: place, reason: `${show(entry)} is not a measure` });
  });
  const ids = measures.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) fields.refuse('measure', `two measures are called ${show(twice)}`);
  return measures;
}

function readMeasure(fields: HostileFields): Measure {
  const kind = fields.choice('kind', kinds, 'rolling');
  const id = fields.text('id', kind);
  const known = (...names: readonly string[]) => {
    fields.refuseUnknown(['id', 'kind', ...names]);
  };
  const wholeOrNull = (name: string) =>
    fields.has(name) ? fields.whole(name, { min: 1, max: 10_000_000 }) : null;
  const limits = () => ({ maxLength: wholeOrNull('maxLength'), limit: wholeOrNull('limit') });
  switch (kind) {
    case 'rolling':
      known('text', 'column', 'maxLength', 'begin', 'promptTokens', 'limit');
      return {
        id,
        kind,
        text: byDigest(fields, 'text'),
        column: fields.has('column') ? fields.text('column') : null,
        begin: fields.choice('begin', ['once', 'harness'], 'once'),
        promptTokens: wholeOrNull('promptTokens'),
        ...limits(),
      };
    case 'choices':
      known('items', 'context', 'choices', 'gold', 'delimiter', 'mutualInfo', 'maxLength', 'limit');
      return {
        id,
        kind,
        items: byDigest(fields, 'items'),
        context: fields.text('context', 'context'),
        choices: fields.text('choices', 'choices'),
        gold: fields.text('gold', 'gold'),
        delimiter: fields.text('delimiter', ' '),
        mutualInfo: fields.flag('mutualInfo', false),
        ...limits(),
      };
    case 'continuation': {
      known('items', 'context', 'continuation', 'maxLength', 'limit');
      const named = fields.has('context') || fields.has('continuation');
      return {
        id,
        kind,
        items: byDigest(fields, 'items'),
        columns: named
          ? { context: fields.text('context'), continuation: fields.text('continuation') }
          : null,
        ...limits(),
      };
    }
    case 'generate':
      known('items', 'context', 'target', 'until', 'maxNewTokens', 'match', 'maxLength', 'limit');
      return {
        id,
        kind,
        items: byDigest(fields, 'items'),
        context: fields.text('context', 'context'),
        target: fields.text('target', 'target'),
        until: texts(fields, 'until'),
        maxNewTokens: fields.whole('maxNewTokens', { min: 1, max: 100_000, fallback: 32 }),
        match: fields.choice('match', matchRules, 'exact'),
        ...limits(),
      };
    case 'recall':
      known('text', 'column', 'distances', 'repeats');
      return fewItems(fields, 'repeats', ({ distances, repeats }) => distances.length * repeats, {
        id,
        kind,
        ...(fields.has('text')
          ? {
              text: byDigest(fields, 'text'),
              column: fields.has('column') ? fields.text('column') : null,
            }
          : { text: shippedStories, column: 'ctx' }),
        distances: fields.wholeNumbers('distances'),
        repeats: fields.whole('repeats', { min: 1, max: 10_000, fallback: 20 }),
      });
    case 'hidden': {
      known('text', 'column', 'layers', 'maxLength', 'limit');
      if (fields.has('layers') && fields.raw('layers') !== 'all') fields.refuse('layers', 'it must be "all"');
      return {
        id,
        kind,
        text: byDigest(fields, 'text'),
        column: fields.has('column') ? fields.text('column') : null,
        ...limits(),
      };
    }
    case 'speed': {
      known('prompt', 'generate', 'batch', 'budgetBytes', 'rounds');
      const itemsOf = (speed: SpeedMeasure) =>
        speed.prompt.length * speed.generate.length * speed.batch.length * speed.rounds;
      return fewItems(fields, 'rounds', itemsOf, {
        id,
        kind,
        prompt: atLeastOne(fields, 'prompt'),
        generate: atLeastOne(fields, 'generate'),
        batch: batchSizes(fields),
        budgetBytes: fields.whole('budgetBytes', { min: 1, max: 2 ** 50, fallback: 2 ** 30 }),
        rounds: fields.whole('rounds', { min: 1, max: 1000, fallback: 5 }),
      });
    }
    default:
      return kind satisfies never;
  }
}

/** The measure, unless it makes more items than memory should hold for a link. */
function fewItems<M extends RecallMeasure | SpeedMeasure>(
  fields: HostileFields,
  name: string,
  itemsOf: (measure: M) => number,
  measure: M,
): M {
  const items = itemsOf(measure);
  return items <= MOST_ITEMS
    ? measure
    : fields.refuse(name, `it makes ${items} items, more than ${MOST_ITEMS}`);
}

function byDigest(fields: HostileFields, name: string): ByDigest {
  const inner = fields.inner(name) ?? fields.lack(name);
  inner.refuseUnknown(['sha256', 'name']);
  const sha256 = inner.text('sha256');
  if (!/^[0-9a-f]{64}$/.test(sha256)) inner.refuse('sha256', `${show(sha256)} is not a SHA-256 digest`);
  return { sha256, name: inner.has('name') ? inner.text('name') : null };
}

function texts(fields: HostileFields, name: string): readonly string[] {
  const list = fields.raw(name) ?? [];
  if (!Array.isArray(list)) return fields.refuse(name, `${show(list)} is not a list of texts`);
  return list.map((text: unknown) =>
    typeof text === 'string' ? text : fields.refuse(name, `${show(text)} is not a text`),
  );
}

function atLeastOne(fields: HostileFields, name: string): readonly number[] {
  const numbers = fields.wholeNumbers(name);
  const wrong = numbers.find((number) => number < 1 || number > 1_000_000);
  if (numbers.length === 0 || wrong !== undefined) {
    fields.refuse(name, `${show(numbers)} must be whole numbers from 1 to 1,000,000`);
  }
  return numbers;
}

/** How many sequences are timed at once: numbers, `"largest"` for what the budget has room for, or a list of them. */
function batchSizes(fields: HostileFields): readonly BatchSize[] {
  const given = fields.raw('batch') ?? 1;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) fields.refuse('batch', 'the list is empty');
  return [...new Set(list)].map((size) => {
    if (size === 'largest') return size;
    if (typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= LARGEST_BATCH) return size;
    return fields.refuse(
      'batch',
      `${show(size)} is neither "largest" nor a whole number from 1 to ${LARGEST_BATCH}`,
    );
  });
}
