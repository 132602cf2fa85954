/** The results of an experiment: a head that says which one, then a record for each item, appended one by one. */
import { isObject } from '../hostile-fields.ts';
import { parseHostileJson } from '../hostile-json.ts';
import type { Measured } from '../protocol/measure.ts';
import { canonicalJson } from './canonical-json.ts';
import { readRecord } from './read-record.ts';

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

/** Whether a record is all that there will be: what failed in another engine is tried again. */
export const isFinal = ({ measured }: Pick<ItemRecord, 'measured'>): boolean =>
  measured.kind !== 'unmeasured' || !measured.again;

/** What need not be measured again, by its keys. */
export const finalRecords = (records: readonly ItemRecord[]): ReadonlyMap<string, ItemRecord> =>
  new Map(records.filter(isFinal).map((record) => [record.key, record]));

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

const headLimits = { length: 10_000_000, values: 100_000, names: 10_000, nonFinite: false, isFile: true };

/** Reads results, also those of a run that was killed while it wrote. Lines that are not records are left out. */
export function readResults(text: string): ReadResults {
  const wholeLength = text.lastIndexOf('\n') + 1;
  const [first = '', ...rest] = text.slice(0, wholeLength).split('\n').slice(0, -1);
  const read = parsed(first, (line) => parseHostileJson(line, headLimits));
  const head = isHead(read) ? read : null;
  const lines = head ? rest : [first, ...rest];
  const records = lines.flatMap((line) => readRecord(parsed(line, JSON.parse)) ?? []);
  return { head, records, wholeLength };
}

export const isSameExperiment = (head: ResultsHead, experiment: Readonly<Record<string, unknown>>) =>
  canonicalJson(head.experiment) === canonicalJson(experiment);

function parsed(line: string, parse: (line: string) => unknown): unknown {
  try {
    return parse(line);
  } catch {
    return null;
  }
}

const isHead = (value: unknown): value is ResultsHead =>
  isObject(value) && typeof value['kvtab'] === 'string' && isObject(value['experiment']);
