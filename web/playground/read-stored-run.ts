/**
 * Checks what a store holds: an older version, or somebody else, may have left something else there. Loaded only when
 * there is something to check, because the library is not needed for the first view.
 */
import * as v from 'valibot';
import { belongsToRun, type Setting, type SettingValue } from '../../worker/settings/setting.ts';
import { settings } from '../../worker/settings/settings.ts';
import { keysWhere } from '../../worker/settings/values.ts';
import { decodeHash, LONGEST_LINK } from '../settings/hash.ts';
import { LONGEST_TEXT, type RunFacts, type StoredRun } from './stored-run.ts';

const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));

/** The last millisecond that a Date can say. */
const time = v.pipe(amount, v.maxValue(8.64e15));

/** A fact that older versions did not keep. */
const kept = <T>(schema: v.GenericSchema<T>) => v.optional(v.nullable(schema), null);

const facts = {
  id: text,
  endedAt: time,
  name: text,
  pinned: v.boolean(),
  link: v.pipe(v.string(), v.maxLength(LONGEST_LINK)),
  model: text,
  layerTypes: text,
  mode: v.picklist(['parallel', 'sequential']),
  adapter: text,
  adapterDetail: kept(text),
  build: kept(text),
  modelCommit: kept(text),
  asked: kept(v.picklist(['text', 'chat'])),
  watched: kept(v.boolean()),
  promptTokens: amount,
  newTokens: amount,
  end: v.picklist(['length', 'end-of-text', 'stopped']),
  kvBytes: amount,
  kvBytesPerToken: amount,
  prefillMs: amount,
  prefillTokensPerSec: amount,
  decodeTokensPerSec: amount,
  prompt: text,
  text,
} satisfies { [Key in keyof RunFacts]: v.GenericSchema<unknown, RunFacts[Key]> };

function schemaOf(row: Setting): v.GenericSchema<SettingValue> {
  switch (row.kind) {
    case 'number':
      return v.pipe(v.number(), v.finite());
    case 'choice':
      return v.picklist(Object.keys(row.options));
    case 'flag':
      return v.boolean();
    case 'text':
      return text;
  }
}

/**
 * A run as it comes from a store, with every setting in its place.
 *
 * @returns null if it is not a run
 */
export function readStoredRun(value: unknown, table = settings): StoredRun | null {
  const keys = keysWhere(belongsToRun, table).filter((key) => !(key in facts));
  const asked = Object.fromEntries(keys.map((key) => [key, v.optional(v.nullable(schemaOf(table[key])))]));
  const found = v.safeParse(v.object({ ...asked, ...facts }), value);
  if (!found.success) return null;
  // A link says what differed from the defaults of its time; the model's own sharing is not known here.
  const { values } = decodeHash(found.output.link, table);
  const restored = keys.map((key) => {
    const row: Setting = table[key];
    const otherwise = row.part === 'sharing' ? null : (row.whenUnnamed ?? row.initial);
    return [key, (found.output as Partial<StoredRun>)[key as keyof StoredRun] ?? values[key] ?? otherwise];
  });
  return { ...Object.fromEntries(restored), ...valuesOfFacts(found.output) } as StoredRun; // every row has a value
}

const valuesOfFacts = (output: RunFacts): RunFacts =>
  Object.fromEntries(
    Object.keys(facts).map((key) => [key, output[key as keyof RunFacts]]),
  ) as unknown as RunFacts;
