import type { Reading } from './measure.ts';

/** Equal sequences under one reading, and the memory for weights, KV and scratch of all of them. */
export interface LargestBatchRequest extends Reading {
  /** Of the prompt of one sequence. */
  readonly promptTokens: number;
  /** Of one sequence: prompt and new tokens. */
  readonly tokens: number;
  readonly budgetBytes: number;
}

/** The most sequences that a memory budget has room for, and why. */
export interface LargestBatch {
  /** 0 if there is no room for one. */
  readonly places: number;
  /** What that many take, by the ledger's sizes. */
  readonly weightBytes: number;
  readonly kvBytes: number;
  /** Everything else: what sequences share, and what each needs beside its caches. */
  readonly scratchBytes: number;
  /** What one more would take beyond the budget; null if it is not a matter of memory: no batch has more places. */
  readonly missingBytes: number | null;
  /** What the ledger counted when that many were opened, with the weights: the sum of the three. 0 without any. */
  readonly verifiedBytes: number;
}
