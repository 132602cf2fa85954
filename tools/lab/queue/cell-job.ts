/** What goes over the queue. Whoever can write to it can send anything, so both sides check all of it. */
import { brief, HostileFields, isObject, show } from '../../../worker/hostile-fields.ts';
import { parseHostileJson } from '../../../worker/hostile-json.ts';
import { readExperiment, type Experiment } from '../../../worker/laboratory/experiment.ts';
import type { CellName } from '../../../worker/laboratory/plan-experiment.ts';
import { readRecord } from '../../../worker/laboratory/read-record.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { Refused } from '../../../worker/outcome.ts';

export interface CellJob {
  readonly experiment: Experiment;
  readonly cells: readonly CellName[];
  /** The items that are missing, by their keys. They also say which model files the experiment means. */
  readonly keys: ReadonlySet<string>;
}

const jobLimits = { length: 10_000_000, values: 100_000, names: 10_000, nonFinite: false, isFile: false };
const answerLimits = { ...jobLimits, length: 256 * 2 ** 20, values: 20_000_000 };
const MOST_KEYS = 1_000_000;

export const jobOf = ({ experiment, cells, keys }: CellJob) => ({
  version: 1,
  experiment: JSON.stringify(experiment.json),
  cells,
  keys: [...keys],
});

/** @throws Refused; BadJson */
export function readJob(data: unknown): CellJob {
  if (!isObject(data)) throw bad('job', `${brief(show(data))} is not a job`);
  const fields = new HostileFields(data, 'bad-request', 'job');
  if (fields.number('version') !== 1) fields.refuse('version', 'kvtab reads jobs of version 1');
  fields.refuseUnknown(['version', 'experiment', 'cells', 'keys']);
  const experiment = readExperiment(parseHostileJson(fields.text('experiment'), jobLimits));
  const cells = listOf(fields, 'cells', experiment.rows.length * experiment.measures.length).map(
    (each, i) => {
      const place = `job.cells[${i}]`;
      if (!isObject(each)) throw bad(place, `${brief(show(each))} is not a cell`);
      const cell = new HostileFields(each, 'bad-request', place);
      const measure = cell.text('measure');
      if (!experiment.measures.some(({ id }) => id === measure))
        cell.refuse('measure', 'there is no such measure');
      return { row: cell.whole('row', { min: 0, max: experiment.rows.length - 1 }), measure };
    },
  );
  const keys = listOf(fields, 'keys', MOST_KEYS).map((key) =>
    typeof key === 'string' && /^[0-9a-f]{64}$/.test(key)
      ? key
      : fields.refuse('keys', 'one is not a digest'),
  );
  return { experiment, cells, keys: new Set(keys) };
}

function listOf(fields: HostileFields, name: string, most: number): readonly unknown[] {
  const list = fields.raw(name);
  if (!Array.isArray(list) || list.length === 0 || list.length > most) {
    return fields.refuse(name, `it must be a list of 1 to ${most}`);
  }
  return list;
}

export const answerOf = (records: readonly ItemRecord[]) => JSON.stringify(records);

/** The records of an answer with wanted keys, each once. What else it holds is left out. */
export function readAnswer(answer: unknown, wanted: ReadonlySet<string>): readonly ItemRecord[] {
  let list: unknown = null;
  try {
    if (typeof answer === 'string') list = parseHostileJson(answer, answerLimits);
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  const records = new Map<string, ItemRecord>();
  for (const each of list as readonly unknown[]) {
    const record = readRecord(each);
    if (record && wanted.has(record.key) && !records.has(record.key)) records.set(record.key, record);
  }
  return [...records.values()];
}

const bad = (field: string, reason: string) => new Refused({ code: 'bad-request', field, reason });
