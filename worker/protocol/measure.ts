import type { PolicyRequest } from './generate.ts';
import type { SharingConfig } from './load.ts';
import type { PeerMemory } from './peer.ts';
import type { KvPrecision } from '../../gpu/kv/usage.ts';
import type { ModeChoice } from '../../gpu/plan/forward-plan.ts';

/** How a text is read: what a row of an experiment sets, apart from what needs another load. */
export interface Reading {
  readonly config: Partial<SharingConfig>;
  readonly mode: ModeChoice;
  readonly kvPrecision: KvPrecision;
  readonly policy: PolicyRequest;
}

/** Items to measure under one reading. Items are independent; the longest are measured first. */
export interface MeasureRequest extends Reading {
  readonly work: MeasureWork;
}

export type MeasureWork =
  | TokensWork
  | LikelihoodWork
  | RollingWork
  | GenerationWork
  | RecallWork
  | HiddenWork
  | SpeedWork;

/** Token ids, of which every one but the first is scored, or every one behind a prompt. */
export interface TokensWork {
  readonly kind: 'tokens';
  readonly items: readonly { readonly tokens: readonly number[] }[];
  /** The first tokens of each item, which are read as a prompt and not scored; null to score all but the first. */
  readonly promptTokens: number | null;
}

/** Texts whose continuations are scored: choices, or the one continuation of an item. */
export interface LikelihoodWork {
  readonly kind: 'likelihood';
  readonly items: readonly { readonly requests: readonly TextPair[] }[];
  /** The most input tokens. What is longer loses its beginning. */
  readonly maxLength: number;
}

export interface TextPair {
  readonly context: string;
  readonly continuation: string;
}

/**
 * Whether a text that is scored from its first token on gets one begin token, or two, as lm-evaluation-harness 0.4.13
 * gives it, if the tokenizer adds one itself. The second is scored.
 */
export type Begin = 'harness' | 'once';

/** Whole texts, in windows. */
export interface RollingWork {
  readonly kind: 'rolling';
  readonly items: readonly { readonly text: string }[];
  readonly maxLength: number;
  readonly begin: Begin;
  /** The first tokens of each window that are read as a prompt and not scored; null to score every token. */
  readonly promptTokens: number | null;
}

/** Greedy continuations, up to a text that ends them. */
export interface GenerationWork {
  readonly kind: 'generate';
  readonly items: readonly { readonly context: string }[];
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly maxLength: number;
}

/** Whether a sentence is likelier if it stood some tokens before. One item for each distance and repetition. */
export interface RecallWork {
  readonly kind: 'recall';
  readonly text: string;
  readonly items: readonly { readonly distance: number; readonly repetition: number }[];
  readonly seed: number;
}

/** Hidden states of texts. */
export interface HiddenWork {
  readonly kind: 'hidden';
  readonly items: readonly { readonly text: string }[];
  readonly maxLength: number;
}

/** Timed runs. Their items are rounds, each of one shape: a prompt, new tokens, and how many sequences there are. */
export interface SpeedWork {
  readonly kind: 'speed';
  readonly items: readonly SpeedItem[];
  readonly budgetBytes: number;
}

export interface SpeedItem {
  readonly prompt: number;
  readonly generate: number;
  /** Sequences that are written together. The largest batch is that of the budget. */
  readonly batch: BatchSize;
  readonly round: number;
}

export type BatchSize = number | 'largest';

/** What was measured of one item, as it goes into a record. */
export type Measured =
  | MeasuredLikelihoods
  | MeasuredRolling
  | MeasuredGeneration
  | MeasuredRecall
  | MeasuredHidden
  | MeasuredSpeed
  | MeasuredPeer
  | Unmeasured;

export interface ScoredContinuation {
  /** In nats; null if the continuation is longer than the most input tokens, which cannot be scored. */
  readonly logLikelihood: number | null;
  /** Whether greedy decoding writes it. */
  readonly greedy: boolean;
  /** Of the continuation. */
  readonly tokens: number;
  /** Tokens of the context that did not fit. */
  readonly cut: number;
}

export interface MeasuredLikelihoods {
  readonly kind: 'likelihood';
  readonly requests: readonly ScoredContinuation[];
  readonly kvBytes: number;
}

export interface MeasuredRolling {
  readonly kind: 'rolling';
  readonly logLikelihood: number;
  /** What was scored: all of the text without a prompt. */
  readonly tokens: number;
  readonly words: number;
  readonly bytes: number;
  /** KV bytes in use at the end of the longest window. */
  readonly kvBytes: number;
}

export interface MeasuredGeneration {
  readonly kind: 'generate';
  readonly text: string;
  readonly tokens: number;
  readonly cut: number;
  readonly kvBytes: number;
}

export interface MeasuredRecall {
  readonly kind: 'recall';
  /** Log-likelihood of the sentence if it stood before, and if another one did, in nats. */
  readonly told: number;
  readonly untold: number;
  readonly tokens: number;
  readonly kvBytes: number;
}

export interface MeasuredHidden {
  readonly kind: 'hidden';
  readonly tokens: number;
  /** After the embedding, after each layer, and after the final norm. */
  readonly states: readonly HiddenMeasures[];
  readonly kvBytes: number;
}

/** Null if some row of the centered states is zero, which leaves them undefined. */
export interface HiddenMeasures {
  readonly matrixNuclearNorm: number | null;
  readonly nuclearNorm: number | null;
  readonly entropy: number | null;
}

export interface MeasuredSpeed {
  readonly kind: 'speed';
  /** Sequences that were written, and how many of them at once: a backend without batches writes one after the other. */
  readonly batch: number;
  readonly places: number;
  /** Up to the first token of every sequence, and from there to the last one. */
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Of the sequences that were written at once: KV in use at their end, KV allocated, and what else the run needs. */
  readonly kvBytes: number;
  readonly kvBytesAllocated: number;
  readonly scratchBytes: number;
  readonly weightBytes: number;
  /** Sequences of this length that fit into the budget beside the weights, by the ledger's sizes. */
  readonly largestBatch: number;
}

/** A timed run of one sequence in another engine. */
export interface MeasuredPeer {
  readonly kind: 'peer-speed';
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Of the tensors that it keeps from token to token, at the end. */
  readonly kvBytes: number;
  /** Its name and versions, and how it ran, in words. */
  readonly engine: string;
  readonly options: string;
  readonly memory: PeerMemory;
}

/** What another engine could not run. */
export interface Unmeasured {
  readonly kind: 'unmeasured';
  /** In words. */
  readonly reason: string;
  /** Whether another try may do better: it failed, and is not impossible. */
  readonly again: boolean;
}

export interface MeasureResult {
  /** Tokens of each item: what progress and cost count. */
  readonly tokens: readonly number[];
}
