/** An experiment: one JSON for link, file and headless runner. What it says, checked, and the rows that it makes. */
import type { WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { HostileFields, isObject, show } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import type { PolicyRequest } from '../protocol/generate.ts';
import type { BackendChoice, SharingConfig } from '../protocol/load.ts';
import type { Reading } from '../protocol/measure.ts';
import type { PeerEngine } from '../protocol/peer.ts';
import { whyNotComputed } from '../why-not-computed.ts';
import { canonicalJson } from './canonical-json.ts';
import { readMeasures, type Measure } from './measures.ts';

export interface Experiment {
  readonly seed: number;
  /** The first is the baseline. */
  readonly rows: readonly Row[];
  readonly measures: readonly Measure[];
  /** What was read, for the results and for links. */
  readonly json: Readonly<Record<string, unknown>>;
}

export type RowEngine = 'kvtab' | PeerEngine;

/** One row of an experiment: which model runs where, and how it reads. */
export interface Row extends Reading {
  /** What it differs in from other rows. */
  readonly label: string;
  readonly model: string;
  readonly backend: BackendChoice;
  /** What runs it. Other engines are only timed. */
  readonly engine: RowEngine;
  readonly weights: WeightPrecision;
  readonly quantizeEmbeddings: boolean;
}

/** What can vary, by the names that links use. */
const factors = [
  ...['model', 'backend', 'weights', 'embeddings', 'layers', 'window', 'forward', 'backward', 'nodiag'],
  ...['mode', 'kv', 'policy', 'engine'],
];

export const rowEngines = ['kvtab', 'transformers.js', 'wllama'] as const satisfies readonly RowEngine[];

const MOST_ROWS = 1000;

type Values = Readonly<Record<string, unknown>>;

/**
 * Reads an experiment. It comes from a file or a link, so it is hostile.
 *
 * @throws Refused with `bad-request`, naming the field
 */
export function readExperiment(json: unknown): Experiment {
  if (!isObject(json)) throw bad('experiment', `${show(json)} is not an experiment`);
  const fields = new HostileFields(json, 'bad-request', '');
  if (fields.number('experiment') !== 1) fields.refuse('experiment', 'kvtab reads experiments of version 1');
  fields.refuseUnknown(['experiment', 'model', 'seed', 'base', 'vary', 'measure', 'name', 'about']);
  const base: unknown = json['base'] ?? {};
  if (!isObject(base)) return fields.refuse('base', `${show(base)} is not an object`);
  checkFactors(base, 'base');
  const common: Values = { ...base, ...(fields.has('model') && { model: fields.text('model') }) };
  const varied = readVary(fields);
  const rows = varied.map((values) => rowOf({ ...common, ...values }, labelOf(values)));
  const measures = readMeasures(fields);
  const other = rows.find(({ engine }) => engine !== 'kvtab');
  const untimed = measures.find(({ kind }) => kind !== 'speed');
  if (other && untimed) {
    const reason = `${other.engine} can only be timed, and ${show(untimed.id)} is no measure of speed`;
    throw bad('engine', reason);
  }
  return {
    seed: fields.whole('seed', { min: 0, max: 2 ** 32 - 1, fallback: 1 }),
    ...{ rows, measures, json },
  };
}

/** The product of all lists. Each entry varies one thing, or whole variants by the name `variants`. */
function readVary(fields: HostileFields): readonly Values[] {
  const vary = fields.raw('vary') ?? [];
  if (!Array.isArray(vary)) return fields.refuse('vary', `${show(vary)} is not a list`);
  let rows: Values[] = [{}];
  for (const [i, factor] of (vary as readonly unknown[]).entries()) {
    const place = `vary[${i}]`;
    if (!isObject(factor)) throw bad(place, `${show(factor)} is not an object`);
    const [entry, ...others] = Object.entries(factor);
    if (!entry || others.length > 0) throw bad(place, 'it must name one thing that varies');
    const [name, list] = entry;
    if (!Array.isArray(list) || list.length === 0)
      throw bad(`${place}.${name}`, `${show(list)} is not a list`);
    const values = (list as readonly unknown[]).map((value): Values => {
      if (name !== 'variants') return { [name]: value };
      return isObject(value) ? value : refuseVariant(value, place);
    });
    for (const value of values) checkFactors(value, place);
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, ...value })));
    if (rows.length > MOST_ROWS) fields.refuse('vary', `it makes more than ${MOST_ROWS} rows`);
  }
  return rows;
}

function refuseVariant(value: unknown, place: string): never {
  throw bad(`${place}.variants`, `${show(value)} is not a variant`);
}

function checkFactors(values: Values, place: string): void {
  const unknown = Object.keys(values).find((name) => !factors.includes(name));
  if (unknown === undefined) return;
  throw bad(`${place}.${unknown}`, `there is no such thing to vary; known are ${factors.join(', ')}`);
}

function rowOf(values: Values, label: string): Row {
  const fields = new HostileFields(values, 'bad-request', 'vary');
  const whole = (name: string, min: number) =>
    fields.has(name) ? fields.whole(name, { min, max: 10_000_000 }) : undefined;
  const config: { -readonly [Name in keyof SharingConfig]?: SharingConfig[Name] | undefined } = {
    layerTypes: fields.has('layers') ? fields.text('layers') : undefined,
    slidingWindow: whole('window', 1),
    forwardPasses: whole('forward', 0),
    backwardPasses: whole('backward', 0),
    forceNodiag: fields.has('nodiag') ? fields.flag('nodiag', false) : undefined,
  };
  const policy = values['policy'] ?? { id: 'none' };
  if (!isObject(policy) || typeof policy['id'] !== 'string') {
    return fields.refuse('policy', `${show(policy)} is not a policy such as {"id": "none"}`);
  }
  const backend = fields.choice('backend', ['webgpu', 'cpu'], 'webgpu');
  const weights = fields.choice('weights', ['stored', 'f32', 'f16', 'q8', 'q4', 'w4a8'], 'stored');
  // Loading would refuse it too, but only after the rows before it were measured.
  const impossible = whyNotComputed(weights, backend);
  if (impossible !== null) fields.refuse('weights', impossible);
  return {
    label: label === '' ? 'baseline' : label,
    model: fields.text('model'),
    engine: fields.choice('engine', rowEngines, 'kvtab'),
    ...{ backend, weights },
    quantizeEmbeddings: fields.flag('embeddings', false),
    config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
    mode: fields.choice('mode', ['auto', 'sequential', 'parallel', 'fastest'], 'auto'),
    kvPrecision: fields.choice('kv', ['f16', 'f32'], 'f16'),
    policy: policy as PolicyRequest, // its id was checked; the engine checks the rest
  };
}

/** What a row varies, in words: `layers 0_6_6 · sinks 4, recent 60`. */
function labelOf(values: Values): string {
  return Object.entries(values)
    .map(([name, value]) =>
      name === 'policy' && isObject(value) ? policyLabel(value) : `${name} ${plain(value)}`,
    )
    .join(' · ');
}

function policyLabel({ id, ...rest }: Values): string {
  const fields = Object.entries(rest).map(([name, value]) => `${name} ${plain(value)}`);
  return [plain(id), ...(fields.length > 0 ? [fields.join(', ')] : [])].join(': ');
}

const plain = (value: unknown) => (typeof value === 'string' ? value : canonicalJson(value));

const bad = (field: string, reason: string) => new Refused({ code: 'bad-request', field, reason });
