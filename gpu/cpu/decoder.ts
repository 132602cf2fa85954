import type { StoreRows } from '../kv/store-rows.ts';
import type { BatchWork, TextOptions } from '../backend.ts';
import type { OnAttention } from '../kv/head-attention.ts';
import type { KvStores } from '../kv/stores.ts';
import type { Passes } from '../plan/forward-plan.ts';
import type { GroupMovement } from '../plan/movement.ts';

/** Called between layers or rows with the fraction of the work done; throws to give up. */
export type Breathe = (fraction: number) => Promise<void>;

/** A turn that a decoder reads. */
export interface Turn {
  readonly tokens: readonly number[];
  /** Receives how far every pass moved every row, group by group. */
  readonly onMovement?: ((movement: GroupMovement) => void) | undefined;
  /** Receives the hidden states of all rows: state 0 after the embedding, state i after layer i − 1. */
  readonly onHidden?: ((state: number, rows: readonly Float32Array[]) => void) | undefined;
  /** Receives what the last row reads, layer by layer; of a group that is iterated, in its last pass. */
  readonly onAttention?: OnAttention | undefined;
}

export interface TurnOptions {
  readonly passes: Passes;
  /** If it is false, only the last hidden state of a turn needs to be right. */
  readonly everyRow: boolean;
  readonly breathe: Breathe;
}

/** Decoders whose rows are computed together, or a single one. */
export interface DecodersTogether {
  /** A token of a turn of each of some texts, as {@link Decoder.step}. Returns their hidden states. */
  step(fed: readonly FedToken[]): readonly Float32Array[];
  /** A whole turn of each of some texts, as {@link Decoder.parallel}. Returns their hidden states, turn by turn. */
  parallel(
    turns: readonly (Turn & { readonly decoder: Decoder })[],
    options: TurnOptions,
  ): Promise<readonly (readonly Float32Array[])[]>;
  /** As {@link Decoder.logitsOf}, of hidden states of any texts. */
  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void;
}

/** Texts that are decoded together on the processor. */
export interface DecoderBatch extends DecodersTogether {
  /** A decoder for an empty text, one of those for which the batch was made. */
  open(options: TextOptions): Decoder;
  /** Feeds a token to each of some texts, as {@link Decoder.feed}. Returns their hidden states. */
  feed(fed: readonly FedToken[]): readonly Float32Array[];
  /** Bytes of what the texts share. */
  readonly allocatedBytes: number;
  /** What they would be if that many texts were decoded together. */
  sharedBytesFor(places: number): number;
  /** See {@link Batch.work}. */
  readonly work: BatchWork | null;
  /** Frees what the texts share, once they are closed. */
  close(): void;
}

/** What can be watched of a step. */
export interface StepWatch {
  /** Receives the hidden state after the embedding and after each layer; valid during the call only. */
  readonly onState?: ((hidden: Float32Array) => void) | undefined;
  /** Receives what the row reads, layer by layer. */
  readonly onAttention?: OnAttention | undefined;
}

export interface FedToken {
  readonly decoder: Decoder;
  readonly token: number;
}

/**
 * A decoder on the processor, as a session drives it. It knows nothing about sampling: it returns hidden states
 * `[hiddenSize]`, one per token.
 */
export interface Decoder {
  /** Positions written so far. The session decides how many of them are kept. */
  readonly tokens: number;
  /** What the stores hold. */
  readonly stores: KvStores;
  /** Bytes of everything that the decoder allocated. */
  readonly allocatedBytes: number;
  /**
   * One token through all layers; each reads what its owner has cached so far.
   *
   * @param watch what is watched of the step
   */
  step(token: number, watch?: StepWatch): Float32Array;
  /** One token while decoding: a {@link step}, after which a policy cuts the stores. */
  feed(token: number): Float32Array;
  /** A prompt of so many tokens is about to be read, by {@link step} or {@link parallel}. */
  startPrompt(tokens: number): void;
  /** A prompt was read to its end: a policy takes its budget of it, and cuts the stores. */
  endPrompt(): void;
  /** The rows that each store holds. */
  rowsHeld(): readonly StoreRows[];
  /** A whole turn at once, iterating the groups that read above themselves. */
  parallel(turn: Turn, options: TurnOptions): Promise<readonly Float32Array[]>;
  /** Drops back to the first `tokens` positions; false if a ring no longer has the rows before. */
  rewind(tokens: number): boolean;
  /** The logits `[vocabSize]` of a hidden state. Valid until the next call. */
  logits(hidden: Float32Array): Float32Array;
  /** The logits of several hidden states, in order and with less work than one by one. Each is valid during its call. */
  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void;
  /** A hidden state after the final norm. */
  finalNorm(hidden: Float32Array): Float32Array;
  /** Frees what the decoder allocated. */
  close(): void;
}
