/** Checks what the store holds: an older version, or somebody else, may have left something else there. */
import * as v from 'valibot';
import { isObject } from '../../../worker/hostile-fields.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { readRecord } from '../../../worker/laboratory/read-record.ts';
import { MOST_PLANS } from '../../experiments/offered-plans.ts';
import { askedOf, type TimedPlans } from './timed-plans.ts';

const LONGEST_TEXT = 10_000;
const MOST_RECORDS = 10_000;

const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));

const largest = v.object({
  ...{ places: v.pipe(amount, v.integer()), weightBytes: amount, kvBytes: amount, scratchBytes: amount },
  ...{ missingBytes: v.nullable(amount), verifiedBytes: amount },
});

const kept = v.object({
  json: v.custom<Readonly<Record<string, unknown>>>(isObject),
  plans: v.pipe(
    v.array(v.object({ name: text, model: text, layerTypes: text })),
    v.minLength(1),
    v.maxLength(MOST_PLANS),
  ),
  largest: v.array(largest),
  records: v.pipe(v.array(v.unknown()), v.maxLength(MOST_RECORDS)),
  // Older versions did not say.
  complete: v.optional(v.boolean(), true),
  ...{ adapter: text, build: text },
  endedAt: v.pipe(amount, v.maxValue(8.64e15)), // the last millisecond that a Date can say
});

/** @returns null if it is not a result */
export function readThroughput(value: unknown): TimedPlans | null {
  const found = v.safeParse(kept, value);
  if (!found.success) return null;
  const { plans, largest: batches } = found.output;
  const asked = askedOf(found.output);
  if (!asked || asked.experiment.rows.length !== plans.length || batches.length !== plans.length) return null;
  const records = found.output.records.flatMap((record): ItemRecord[] => {
    const read = readRecord(record);
    return read ? [read] : [];
  });
  return { ...found.output, records };
}
