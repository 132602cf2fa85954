/** Checks records from a file, a store or a queue: an older version, or somebody else, may have written them. */
import * as v from 'valibot';
import type { ItemRecord } from './records.ts';
import type { Measured } from '../protocol/measure.ts';

const MOST_PARTS = 10_000;
const LONGEST_TEXT = 1_000_000;
/** What another engine is, or why it could not run something. */
const LONGEST_NOTE = 2000;

const finite = v.pipe(v.number(), v.finite());
const amount = v.pipe(finite, v.minValue(0));
const index = v.pipe(amount, v.integer(), v.maxValue(10_000_000));
const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));
const note = v.pipe(v.string(), v.maxLength(LONGEST_NOTE));
const list = <T>(schema: v.GenericSchema<T>) => v.pipe(v.array(schema), v.maxLength(MOST_PARTS));

const continuation = v.object({
  logLikelihood: v.nullable(finite),
  greedy: v.boolean(),
  tokens: amount,
  cut: amount,
});

const state = v.object({
  matrixNuclearNorm: v.nullable(finite),
  nuclearNorm: v.nullable(finite),
  entropy: v.nullable(finite),
});

const kvBytes = amount;
const measured = v.variant('kind', [
  v.object({ kind: v.literal('likelihood'), requests: list(continuation), kvBytes }),
  v.object({
    kind: v.literal('rolling'),
    ...{ logLikelihood: finite, tokens: amount, words: amount, bytes: amount, kvBytes },
  }),
  v.object({ kind: v.literal('generate'), text, tokens: amount, cut: amount, kvBytes }),
  v.object({ kind: v.literal('recall'), told: finite, untold: finite, tokens: amount, kvBytes }),
  v.object({ kind: v.literal('hidden'), tokens: amount, states: list(state), kvBytes }),
  v.object({
    kind: v.literal('speed'),
    ...{ prefillMs: amount, decodeMs: amount, kvBytes, kvBytesAllocated: amount },
    ...{ weightBytes: amount, largestBatch: amount },
    // An older version wrote one sequence at a time, and did not count scratch.
    ...{ batch: v.optional(amount, 1), places: v.optional(amount, 1), scratchBytes: v.optional(amount, 0) },
  }),
  v.object({
    kind: v.literal('peer-speed'),
    ...{ prefillMs: amount, decodeMs: amount, kvBytes, engine: note, options: note },
    memory: v.object({ heapBytes: v.nullable(amount), gpuBytes: v.nullable(amount) }),
  }),
  v.object({ kind: v.literal('unmeasured'), reason: note, again: v.boolean() }),
]) satisfies v.GenericSchema<unknown, Measured>;

const record = v.object({
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  row: index,
  measure: text,
  item: index,
  measured,
  ms: amount,
}) satisfies v.GenericSchema<unknown, ItemRecord>;

/** The record that a value is; null if it is something else. */
export function readRecord(value: unknown): ItemRecord | null {
  const read = v.safeParse(record, value);
  return read.success ? read.output : null;
}
