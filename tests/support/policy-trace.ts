import { expect } from 'vitest';
import type { ModelWeights, SessionOptions } from '../../gpu/backend.ts';
import type { Policy } from '../../gpu/kv/policies/policy.ts';
import type { LessKernels } from '../../gpu/kv/policies/less-kernels.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { Mode, Passes } from '../../gpu/plan/forward-plan.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { expectAllClose } from './all-close.ts';
import { randomKernels } from './random-kernels.ts';
import { tinyDims } from './random-model.ts';

export interface Turn {
  readonly tokens: readonly number[];
  /** Tokens that are fed after it. */
  readonly fed: readonly number[];
}

export interface Trace {
  /** After each prompt, and after each token that was fed. */
  readonly logits: readonly Float32Array[];
  readonly kept: readonly (readonly StoreRows[])[];
  /** Before the cut after each prompt. */
  readonly scores: readonly (readonly StoreRows[])[];
  /** What the session says of its rows: `[step][owner]`. */
  readonly rows: readonly (readonly number[])[];
}

/** A session for turns of these lengths, without a policy if `policy` is null. */
export const optionsFor = (
  sharing: Sharing,
  policy: Policy | null,
  turns: readonly Turn[],
  passes: Passes = { forward: 2, backward: 1 },
): SessionOptions => {
  const promptTokens = turns.reduce((sum, { tokens, fed }) => sum + tokens.length + fed.length, 0);
  return {
    sharing,
    passes,
    kvPrecision: 'f32',
    capacityTokens: promptTokens + 1,
    ...(policy && { eviction: { policy, scored: true, promptTokens, kernels: kernelsFor(policy, sharing) } }),
  };
};

const known = new WeakMap<Sharing, LessKernels>();

/** Random ones for a model of {@link tinyDims}, if the policy is LESS. Texts of a batch have the same. */
export function kernelsFor(policy: Policy, sharing: Sharing): LessKernels | null {
  if (policy.id !== 'less') return null;
  const kernels = known.get(sharing) ?? randomKernels(sharing, tinyDims);
  known.set(sharing, kernels);
  return kernels;
}

/** Runs turns in a session of their own, and records what it computes and keeps. */
export async function trace(
  model: Pick<ModelWeights, 'open'>,
  options: SessionOptions,
  turns: readonly Turn[],
  mode: Mode,
): Promise<Trace> {
  const session = await model.open(options);
  const logits: Float32Array[] = [];
  const kept: (readonly StoreRows[])[] = [];
  const scores: (readonly StoreRows[])[] = [];
  const rows: number[][] = [];
  const record = async () => {
    kept.push(await session.rowsHeld());
    rows.push(session.kvUsage().layers.map((layer) => layer.rows));
  };
  try {
    for (const { tokens, fed } of turns) {
      await session.prefill(tokens, {
        mode,
        logitsAt: [tokens.length - 1],
        onLogits: (_, row) => logits.push(row.slice()),
        onProgress: () => undefined,
        beforeCut: async () => {
          scores.push(await session.rowsHeld());
        },
        stopped: () => false,
      });
      await record();
      await session.feed(fed, {
        onLogits: (_, row) => logits.push(row.slice()),
        onFed: record,
        stopped: () => false,
      });
    }
    return { logits, kept, scores, rows };
  } finally {
    session.close();
  }
}

/** `[store][KV head][row]` */
export const positionsOf = (stores: readonly StoreRows[]) =>
  stores.map(({ heads }) => heads.map(({ positions }) => positions));

export function expectSameTrace(one: Trace, other: Trace) {
  expect(one.kept.map(positionsOf)).toEqual(other.kept.map(positionsOf));
  for (const [step, row] of one.logits.entries()) expectAllClose(row, other.logits[step] ?? [], 1e-4);
}

/** Each state, as one row of numbers: `[store][KV head]`. */
export const statesOf = (stores: readonly StoreRows[]) =>
  stores.map(({ heads }) => heads.map(({ state }) => (state ? [...state.features, ...state.values] : [])));

/** Whether LESS remembers the same of the rows that are gone. */
export function expectSameStates(
  got: readonly StoreRows[],
  expected: readonly StoreRows[],
  tolerance: number,
) {
  for (const [store, heads] of statesOf(expected).entries()) {
    for (const [kvHead, numbers] of heads.entries()) {
      expectAllClose(statesOf(got)[store]?.[kvHead] ?? [], numbers, tolerance);
    }
  }
}
