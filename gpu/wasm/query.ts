/** What rows ask of a layer. */
import type { OnAttention } from '../kv/head-attention.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
import type { SlotLayout } from '../kv/slots.ts';
import type { EvictingStore } from './evicting-store.ts';
import type { Address } from './kernels.ts';
import type { Recall } from './less.ts';

/** Where a row's key and value go, and which angle turns the key; null if it is cached unrotated. */
export interface KvTarget {
  readonly into: Address;
  readonly rope: number | null;
}

/** What one row of a block attends to. */
export interface Query {
  readonly position: number;
  readonly rope: number;
  /** The stores of its text, by owner. */
  readonly stores: ReadonlyMap<number, Store>;
  /** KV of its turn that is not cached yet. */
  readonly fresh: FreshRows | null;
  /** The store that it reads, under a policy. */
  readonly evicting: Evicting | null;
  /** Receives what the row reads. */
  readonly onAttention?: OnAttention | undefined;
}

/** The memory of a store: keys and values by slot. */
export interface Store {
  readonly address: Address;
  readonly slots: SlotLayout;
}

/** Keys and values of a turn that are not in the stores yet, by owner; the first row is the position `start`. */
export interface FreshRows {
  readonly start: number;
  readonly count: number;
  readonly slots: SlotLayout;
  readonly rows: ReadonlyMap<number, Address>;
}

/** What a layer needs to attend to a store under a policy. */
export interface Evicting {
  readonly store: EvictingStore;
  readonly run: PolicyRun;
  /** The first position of the turn that is being read; null while decoding. */
  readonly promptStart: number | null;
  /** Which queries add to the scores. */
  readonly scored: (row: number) => boolean;
  /** What the layer makes of the rows that are gone; null if it does without. */
  readonly recall: Recall | null;
}
