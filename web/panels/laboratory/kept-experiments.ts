/** Experiments and their records on this device. A record is written as soon as it is known. */
import { isObject } from '../../../worker/hostile-fields.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { attempt } from '../../../worker/outcome.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { openSpace, type Key } from '../../../worker/storage/space.ts';

export interface KeptExperiment {
  /** The digest of what the experiment says. */
  readonly id: string;
  readonly json: Readonly<Record<string, unknown>>;
  readonly usedAtMs: number;
}

/** Only what this version can open: the rest is counted as unreadable, and can be deleted as that. */
const isKept = (value: unknown): value is KeptExperiment =>
  isObject(value) &&
  typeof value['id'] === 'string' &&
  isObject(value['json']) &&
  Number.isFinite(value['usedAtMs']) &&
  attempt(() => readExperiment(value['json'])).ok;

const experiments = openSpace('laboratory-experiments', isKept);
const records = openSpace('laboratory-records', (value): value is unknown => value !== undefined);

export const keepExperiment = (experiment: KeptExperiment): Promise<void> =>
  experiments.set([experiment.id], experiment);

export const keepRecord = (id: string, record: ItemRecord): Promise<void> =>
  records.set([id, record.key], record);

/** The last used first. */
export async function keptExperiments(): Promise<readonly KeptExperiment[]> {
  const entries = await experiments.entries();
  // Under another key an experiment could stand in the list twice, and never be deleted.
  const own = entries.flatMap(([[id], kept]) => (kept.id === id ? [kept] : []));
  return own.sort((a, b) => b.usedAtMs - a.usedAtMs);
}

/** Keys of what lies among the experiments and {@link keptExperiments} does not list. */
async function unreadableKeys(): Promise<readonly Key[]> {
  const [keys, own] = await Promise.all([experiments.keys(), keptExperiments()]);
  const listed = new Set<Key[number] | undefined>(own.map(({ id }) => id));
  return keys.filter((key) => key.length !== 1 || !listed.has(key[0]));
}

/** How many kept experiments this version of the page cannot read. */
export const countUnreadableExperiments = async (): Promise<number> => (await unreadableKeys()).length;

/** Deletes what this version of the page cannot read, with its records. */
export async function removeUnreadableExperiments(): Promise<void> {
  for (const key of await unreadableKeys()) {
    await experiments.removeOnly(key);
    // A longer key is nobody's, and an empty one would be everybody's.
    if (key.length === 1) await records.remove(key);
  }
}

/** The records of an experiment. Their check is loaded only if there are some. */
export async function keptRecords(id: string): Promise<readonly ItemRecord[]> {
  const found = await records.entries([id]);
  if (found.length === 0) return [];
  const { readRecord } = await import('../../../worker/laboratory/read-record.ts');
  return found.flatMap(([, record]) => readRecord(record) ?? []);
}

export async function removeExperiment(id: string): Promise<void> {
  await experiments.remove([id]);
  await records.remove([id]);
}
