import type { Mode, Passes } from './plan/forward-plan.ts';
import type { KernelTime } from './plan/kernel-time.ts';
import type { OnAttention } from './kv/head-attention.ts';
import type { KvPrecision, KvUsage } from './kv/usage.ts';
import type { LayerType } from './plan/layer-types.ts';
import type { MatrixFormat, WeightFormats } from './numbers/matrix-format.ts';
import type { ModelDims } from './plan/model-dims.ts';
import type { PolicyOptions } from './kv/policies/policy.ts';
import type { StoreRows } from './kv/store-rows.ts';
import type { SamplingOptions } from './plan/sampling.ts';
import type { GroupMovement } from './plan/movement.ts';
import type { Sharing } from './plan/sharing.ts';
import type { TokenLikelihood, WantedToken } from './plan/token-likelihood.ts';
import type { TokenProbabilities } from './plan/token-probabilities.ts';
import type { WeightSpec } from './plan/weight-specs.ts';

/**
 * The common interface of the decoders on WebGPU and on the CPU: they take a model's weights and open sessions on them.
 * They know nothing about text, files or pages. Token ids go in and come out.
 */
export interface Backend {
  readonly adapter: AdapterFacts;
  /** Whether it can say how long a kernel takes, if it is opened for profiling. */
  readonly timesKernels: boolean;
  /** What to do with a model once, so that its later runs compile nothing. */
  readonly warmUp: WarmUp;
  /** Makes room for a model. The loader then puts every tensor of `weightSpecs`, and calls `ready`. */
  allocate(request: AllocateRequest): Promise<ModelWeights>;
  /** Bytes allocated now, by the backend's ledger. */
  readonly allocatedBytes: number;
  /** Frees everything, the device included. */
  destroy(): void;
}

/** Runs under one plan that use every kernel between them. */
export interface WarmUp {
  /** Tokens of turns to prefill, one after the other, before two tokens are decoded. */
  readonly promptTokens: readonly number[];
  /** Tokens for which sessions have room that are opened only to compile what they use. */
  readonly capacities: readonly number[];
}

/** Which processor computes, in words for the user. */
export interface AdapterFacts {
  readonly backend: 'webgpu' | 'cpu';
  readonly vendor: string;
  readonly description: string;
  /** True if a CPU does the GPU's work. */
  readonly software: boolean;
}

export interface AllocateRequest extends WeightFormats {
  readonly dims: ModelDims;
  /** The plan under which the checkpoint was written. */
  readonly storedLayers: readonly LayerType[];
  /** The form of a tensor's rows: as the checkpoint stores them, or, for a matrix, already quantized. */
  readonly storedAs: (spec: WeightSpec) => MatrixFormat;
}

export interface ModelWeights {
  /**
   * Takes whole rows of one tensor, from `firstRow` on, little-endian and in the form of `storedAs`.
   *
   * @throws NotQuantizable for a number that the requested format cannot hold; `row` counts from `firstRow`
   */
  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array): Promise<void>;
  /** Resolves when all rows have arrived. */
  ready(): Promise<void>;
  /** Bytes that the weights take, including those that are allocated but not filled yet. */
  readonly bytes: number;
  /** How products are shaped; null if there is no choice, as on a processor. */
  readonly products?: ProductShapes | null;
  /** Opens an empty session under a plan, and converts key and value projections if the plan is not the stored one. */
  open(options: SessionOptions): Promise<Session>;
  /** Opens an empty batch under a plan: texts that are decoded together. */
  openBatch(options: BatchOptions): Promise<Batch>;
  free(): void;
}

/** Shapes of the kernel that multiplies decoded rows with a matrix. All of them take every sum in the same order. */
export interface ProductShapes {
  /** Invocations of a workgroup, the usual number first. */
  readonly workgroups: readonly number[];
  /** What the speed of each depends on, apart from the adapter: the shape of the matrices and how they are kept. */
  readonly of: string;
  /** Measures them, well within a second. Takes longer on a software adapter. */
  fastest(): Promise<number>;
  /** Sessions and batches that are opened from now on have this one. */
  take(workgroup: number): void;
}

/** How a model computes, whichever text it writes. */
export interface PlanOptions {
  readonly sharing: Sharing;
  readonly passes: Passes;
  readonly kvPrecision: KvPrecision;
}

/** What one text needs of its caches. */
export interface TextOptions {
  /** The most positions that the text will have. */
  readonly capacityTokens: number;
  /** What the stores keep; absent to keep everything. */
  readonly eviction?: PolicyOptions;
}

export interface BatchOptions extends PlanOptions {
  /** The most texts that will be open at once. */
  readonly places: number;
  /**
   * Every text that will be opened, in any order: what the texts share is made for the largest. They keep everything, or
   * have one policy, whose budgets and seeds may differ.
   */
  readonly texts: readonly TextOptions[];
  /** The most tokens of a turn that {@link Batch.prefill} reads: there is room to read one at any time. */
  readonly turnTokens: number;
}

/**
 * Texts that are decoded together: a step feeds one token to each of them, and reads the weights once for all. What a
 * text becomes does not depend on the others. Calls never overlap.
 */
export interface Batch {
  /** The most texts that may be open at once: no more than were asked for. */
  readonly places: number;
  /** The most places that such a batch could have, however much memory there is. */
  readonly mostPlaces: number;
  /** Opens an empty text, one of those that the options announced. Closing it makes its place free. */
  open(options: TextOptions): Promise<BatchText>;
  /**
   * Appends a turn to each of some texts, as their own `prefill` would: what each becomes is the same, but matrices are
   * read for several turns at once.
   *
   * @throws BackendError `not-finite`
   * @returns false if `stopped` ended it early; the texts must then be rewound or closed
   */
  prefill(turns: readonly BatchTurn[], options: BatchPrefillOptions): Promise<boolean>;
  /**
   * Feeds given tokens to some texts, step by step together, as decoding would. All get the same number. No token may
   * have been drawn from them.
   *
   * @throws BackendError `not-finite`
   * @returns false if `stopped` ended it early; the texts must then be closed
   */
  feed(texts: readonly GivenTokens[], options: BatchDecodeOptions): Promise<boolean>;
  /**
   * Continues texts, step by step together, until at least one of them ends. At least one token of each must have been
   * prefilled. A text that has not ended goes on with the next call.
   *
   * @throws BackendError `not-finite`
   * @returns for each text how it ended, or null if it has not
   */
  decode(texts: readonly Continuation[], options: BatchDecodeOptions): Promise<readonly (DecodeEnd | null)[]>;
  /** Bytes that the ledger counts for what the batch allocated, open texts included. */
  readonly allocatedBytes: number;
  /** What the ledger would count for what texts share in a batch of that many places. */
  sharedBytesFor(places: number): number;
  /** What has been computed so far; null if the backend does not count it. */
  readonly work: BatchWork | null;
  /** Frees everything that the batch allocated, open texts included. */
  close(): void;
}

/** How often matrices were multiplied with rows, and the bytes of the matrices that threads read: each once a product. */
export interface BatchWork {
  readonly products: number;
  readonly weightBytes: number;
}

/** One text of a batch: its tokens and their KV. */
export type BatchText = Pick<Session, 'prefill' | 'rewind' | 'kvUsage' | 'kvBytesInUse' | 'close'>;

/** A turn of one text of a batch. */
export interface BatchTurn extends Pick<PrefillOptions, 'mode' | 'likelihoods'> {
  readonly text: BatchText;
  readonly tokens: readonly number[];
}

export type BatchPrefillOptions = Pick<PrefillOptions, 'onPrepared' | 'onProgress' | 'stopped'>;

/** Tokens that one text of a batch is given. */
export interface GivenTokens extends Pick<FeedOptions, 'likelihoods'> {
  readonly text: BatchText;
  readonly tokens: readonly number[];
}

/** How a text of a batch goes on. */
export interface Continuation {
  readonly text: BatchText;
  /** The same in every call: tokens may be drawn ahead. */
  readonly sampling: SamplingOptions;
  /** At least 1. */
  readonly maxNewTokens: number;
  /** Tokens that end the text. The one that does is passed on as the last token. */
  readonly endTokens: ReadonlySet<number>;
  readonly onToken: (token: number) => void;
}

export interface BatchDecodeOptions {
  readonly stopped: () => boolean;
}

export interface SessionOptions extends PlanOptions, TextOptions {
  /** Whether to compute the probabilities of every decoded token, which costs a little of each step. */
  readonly probabilities?: boolean;
}

/** A text being written: its tokens and their KV. Calls never overlap. */
export interface Session {
  /**
   * Appends one turn. The last token that `decode` wrote was never fed: a turn that continues from it starts with it.
   *
   * @returns false if `stopped` ended it early; the session must then be rewound or closed
   */
  prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean>;
  /**
   * Feeds given tokens one by one, as decoding would.
   *
   * @returns false if `stopped` ended it early; the session must then be rewound or closed
   */
  feed(tokens: readonly number[], options: FeedOptions): Promise<boolean>;
  /** Continues the text, token by token. At least one token must have been prefilled. */
  decode(options: DecodeOptions): Promise<DecodeEnd>;
  /**
   * Drops back to the first `tokens` positions, as if nothing had been read or written since. Also works after a
   * stopped prefill. No row of KV depends on a later one, so the rows that stay are right. The next call must be a
   * `prefill`.
   *
   * @returns false if a window's ring no longer has the rows before; the session must then be closed
   */
  rewind(tokens: number): boolean;
  /**
   * GPU time by kernel of one more step, in a pass per dispatch; the text does not change. Null if there is no GPU,
   * it has no clock, or it was not opened for profiling. At least one token must have been decoded.
   */
  profileStep(): Promise<readonly KernelTime[] | null>;
  /** The rows that each store holds, with their scores. */
  rowsHeld(): Promise<readonly StoreRows[]>;
  /** KV figures for the tokens that were kept. */
  kvUsage(): KvUsage;
  /** The bytes of `kvUsage`, cheap enough to read for every token. */
  readonly kvBytesInUse: number;
  /** Frees everything that the session allocated. */
  close(): void;
}

export interface PrefillOptions {
  readonly mode: Mode;
  /** Positions of this turn, from 0, ascending, whose logits are wanted. */
  readonly logitsAt: readonly number[];
  /** Receives `[vocabSize]` float32 logits, in the order of the positions. Valid during the call only. */
  readonly onLogits: (turnPosition: number, logits: Float32Array) => void;
  /** Tokens whose likelihoods are wanted. They are computed where the logits are, which stay there. */
  readonly likelihoods?: WantedLikelihoods;
  /**
   * Receives the hidden states `[tokens, hiddenSize]` of the whole turn: state 0 after the embedding, state i after layer
   * i − 1, and one more state after the final norm. Valid during the call only. Every row is computed if it is set.
   */
  readonly onHidden?: (state: number, rows: Float32Array) => void;
  /** Called when everything is compiled and allocated, before the first token is read: prefill time starts here. */
  readonly onPrepared?: () => void;
  /** Fraction of the work done, 0 to 1. */
  readonly onProgress: (fraction: number) => void;
  readonly stopped: () => boolean;
  /** Called when the turn was read, before the stores are cut. */
  readonly beforeCut?: () => Promise<void>;
  /** Receives how far every pass moved every row of the turn, group by group. Passes are watched only if it is set. */
  readonly onMovement?: (movement: GroupMovement) => void;
  /** Receives what the last row of the turn reads, layer by layer; of a group that is iterated, in its last pass. */
  readonly onAttention?: OnAttention;
}

/** Tokens whose likelihoods are wanted, and who receives them. */
export interface WantedLikelihoods {
  /** Ascending by position. A position may have several tokens. */
  readonly wanted: readonly WantedToken[];
  /** Called once for each of the tokens, in their order. */
  readonly onLikelihood: (index: number, likelihood: TokenLikelihood) => void;
}

export interface FeedOptions {
  /** Receives `[vocabSize]` float32 logits after each token. Valid during the call only. */
  readonly onLogits?: (index: number, logits: Float32Array) => void;
  /** Tokens whose likelihoods are wanted. Without `onLogits` and `onFed`, nothing is read back before the end. */
  readonly likelihoods?: WantedLikelihoods;
  /** Called when a token was fed and every store was cut. The next one waits for it. */
  readonly onFed?: (index: number) => Promise<void>;
  readonly stopped: () => boolean;
}

export interface DecodeOptions {
  readonly sampling: SamplingOptions;
  readonly maxNewTokens: number;
  /** Tokens that end the text. The one that does is passed on as the last token. */
  readonly endTokens: ReadonlySet<number>;
  /** @param probabilities null unless the session's options ask for them */
  readonly onToken: (token: number, probabilities: TokenProbabilities | null) => void;
  readonly stopped: () => boolean;
}

export type DecodeEnd = 'length' | 'end-of-text' | 'stopped';
