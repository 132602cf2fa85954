/** The results of an experiment: a head that says which one, then a record for each item, appended one by one. */
import { isObject } from '../hostile-fields.ts';
import type { Measured } from '../protocol/measure.ts';
import { canonicalJson } from './digest.ts';

/** What was measured of one item in one row. */
export interface ItemRecord {
  /** Digest of engine, model, row, measure and item: what is known need not be measured again. */
  readonly key: string;
  /** The index of the row, and the id of the measure. */
  readonly row: number;
  readonly measure: string;
  readonly item: number;
  readonly measured: Measured;
  /** The only thing in which two runs of one experiment differ, apart from what measures time. */
  readonly ms: number;
}

export interface ResultsHead {
  readonly kvtab: string;
  readonly experiment: Readonly<Record<string, unknown>>;
}

export const headLine = (head: ResultsHead) => `${JSON.stringify(head)}\n`;
export const recordLine = (record: ItemRecord) => `${JSON.stringify(record)}\n`;

export interface ReadResults {
  readonly head: ResultsHead | null;
  readonly records: readonly ItemRecord[];
  /** How many characters hold whole lines. What follows was being written when the run was killed. */
  readonly wholeLength: number;
}

/** Reads results, also those of a run that was killed while it wrote. Lines that are not records are left out. */
export function readResults(text: string): ReadResults {
  const wholeLength = text.lastIndexOf('\n') + 1;
  const lines = text.slice(0, wholeLength).split('\n').slice(0, -1);
  const values = lines.map(parsed);
  const [first, ...rest] = values;
  const head = isHead(first) ? first : null;
  return { head, records: (head ? rest : values).filter(isRecord), wholeLength };
}

export const isSameExperiment = (head: ResultsHead, experiment: Readonly<Record<string, unknown>>) =>
  canonicalJson(head.experiment) === canonicalJson(experiment);

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}

const isHead = (value: unknown): value is ResultsHead =>
  isObject(value) && typeof value['kvtab'] === 'string' && isObject(value['experiment']);

const isRecord = (value: unknown): value is ItemRecord =>
  isObject(value) &&
  typeof value['key'] === 'string' &&
  typeof value['row'] === 'number' &&
  typeof value['measure'] === 'string' &&
  typeof value['item'] === 'number' &&
  isObject(value['measured']) &&
  typeof value['measured']['kind'] === 'string';
