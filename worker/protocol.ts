/**
 * Everything that crosses between the page and the worker. Types only, plain data only.
 * Expected failures are values (`Outcome`), because Comlink would strip a typed error; a bug throws.
 */
import type { BackendFailure } from '../gpu/backend-error.ts';
import type { AdapterFacts } from '../gpu/backend.ts';
import type { Mode, ModeChoice } from '../gpu/plan/forward-plan.ts';
import type { KernelTime } from '../gpu/plan/kernel-time.ts';
import type { KvPrecision, KvUsage } from '../gpu/plan/kv-layout.ts';
import type { WeightFormats } from '../gpu/plan/matrix-format.ts';
import type { ModelDims } from '../gpu/plan/model-dims.ts';
import type { GroupMovement } from '../gpu/plan/movement.ts';
import type { SamplingOptions } from '../gpu/plan/sampling.ts';
import type { ExportResult, ExportTarget, RoundTo } from './export/protocol.ts';

export type BackendChoice = 'webgpu' | 'cpu';

export interface EngineApi {
  /** Loads a model, replacing the one before. Waits for earlier calls to end; a run in progress should be stopped first. */
  load(request: LoadRequest, onEvent: OnEvent): Promise<Outcome<ModelFacts>>;
  /** Prefills the prompt and continues it. Waits for earlier calls to end; never interleaves with them. */
  generate(request: GenerateRequest, onEvent: OnEvent): Promise<Outcome<GenerateResult>>;
  /** How far each pass of a parallel prefill moves each position. Queued as `generate` is, and ended by `stop`. */
  measureConvergence(request: ConvergenceRequest, onEvent: OnEvent): Promise<Outcome<Convergence>>;
  /** Scores a given continuation, teacher-forced, alone or against the one scored first. Queued as `generate` is. */
  score(request: ScoreRequest, onEvent: OnEvent): Promise<Outcome<Score>>;
  /** How many tokens a prompt has, as a run would read it. Waits for earlier calls to end. */
  countTokens(prompt: Prompt): Promise<Outcome<number>>;
  /** Ends the runs asked for so far, within one token; they resolve with what they have. */
  stop(): void;
  /** Writes the loaded checkpoint anew, under a plan. Waits for earlier calls to end; `stop` ends it. */
  export(request: ExportRequest, onEvent: OnEvent): Promise<Outcome<ExportResult>>;
  /** Frees the model and the device. */
  unload(): Promise<void>;
}

export interface LoadRequest extends WeightFormats {
  readonly model: ModelRef;
  readonly backend: BackendChoice;
}

/** Which model: the id of one that ships (in the headless runner also a folder), or one that the person brings. */
export type ModelRef = string | BroughtModel;

export type BroughtModel = OpenedFiles | HubModel;

/** Files that a person opened or dropped. They are read in place, never as a whole. */
export interface OpenedFiles {
  readonly from: 'files';
  /** `folder:` and the folder's name, with a number where that name was opened before. A link can only name it. */
  readonly id: string;
  /** Plain file names, without folders. */
  readonly files: ReadonlyMap<string, Blob>;
}

/** A repository of the Hugging Face Hub, or of a server with the same paths. */
export interface HubModel {
  readonly from: 'hub';
  /** `owner/name`, with `@revision` where one is asked for: what a link says. */
  readonly id: string;
  readonly endpoint: string;
  /** For gated repositories. Never logged, stored or put into an address. */
  readonly token: string | null;
  /** Read what is stored, all of it; or, where there was no room, go on without storing. */
  readonly keep: boolean;
  /** The commit to read, where the page knows which: what the revision stands for may change meanwhile. */
  readonly commit?: string;
}

export interface ModelFacts {
  readonly id: string;
  readonly dims: ModelDims;
  /** The configuration that the checkpoint was made for. */
  readonly stored: SharingConfig;
  /** Whether config.json asks for sequential mode (`use_sequential`). */
  readonly useSequential: boolean;
  readonly hasTokenizer: boolean;
  /** Whether the checkpoint brings a template for chats. */
  readonly hasChatTemplate: boolean;
  readonly weightBytes: number;
  readonly adapter: AdapterFacts;
}

/** What of config.json a user may edit. Each field replaces the checkpoint's own. */
export interface SharingConfig {
  readonly layerTypes: string;
  readonly slidingWindow: number;
  readonly forwardPasses: number;
  readonly backwardPasses: number;
  readonly forceNodiag: boolean;
}

/** Text, with the tokenizer's special tokens; a chat, as the template writes it; or turns of token ids, verbatim. */
export type Prompt =
  | { readonly text: string }
  | { readonly chat: readonly ChatMessage[] }
  | { readonly turns: readonly (readonly number[])[] };

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface GenerateRequest {
  readonly input: Prompt;
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  readonly mode: ModeChoice;
  readonly kvPrecision: KvPrecision;
  readonly maxNewTokens: number;
  readonly ignoreEos: boolean;
  readonly sampling: SamplingOptions;
  /** Prompt positions, counted through all turns, whose logits are wanted in the result. */
  readonly logits: readonly number[];
  /** Whether to measure the prompt's mean negative log-likelihood. */
  readonly score: boolean;
  /** What is watched besides; the tokens are the same with it and without. */
  readonly watch?: Watch;
}

export interface Watch {
  /** Measures every token as it is drawn. */
  readonly tokens: boolean;
  /** Times the kernels on a few more steps after the run. */
  readonly kernels: boolean;
}

export interface GenerateResult {
  readonly mode: Mode;
  readonly end: 'length' | 'end-of-text' | 'stopped';
  readonly promptTokens: number;
  /** What was kept of the conversation before: tokens whose KV was there, and of them those that this prompt begins with. */
  readonly reuse: { readonly heldTokens: number; readonly reusedTokens: number };
  readonly tokens: readonly number[];
  /** The continuation without special tokens; null without a tokenizer. */
  readonly text: string | null;
  /** One row of `vocabSize` a position of `GenerateRequest.logits`, in its order. */
  readonly logits: readonly Float32Array[];
  /** Mean negative log-likelihood of the prompt's tokens 1…; null unless asked for. */
  readonly nats: number | null;
  readonly kv: KvUsage;
  readonly timing: Timing;
  /** Where `watch.tokens` asked for it: one a token. */
  readonly measured?: readonly MeasuredToken[];
  /** Where `watch.kernels` asked for it: GPU time of one step; null where none can be told. */
  readonly kernels?: readonly KernelTime[] | null;
}

/** A token that was drawn, under the model's own distribution: temperature 1, no penalty, nothing cut off. */
export interface MeasuredToken extends TokenChance {
  /** 1 for the likeliest. */
  readonly rank: number;
  /** Since the token before; 0 for the first. */
  readonly ms: number;
  /** The likeliest tokens, in order. */
  readonly alternatives: readonly TokenChance[];
}

export interface TokenChance extends TokenWithText {
  readonly probability: number;
}

export interface TokenWithText {
  readonly id: number;
  /** What it adds to the text before it; empty for special tokens, U+FFFD for parts of a character. */
  readonly text: string;
}

export interface ConvergenceRequest extends Pick<GenerateRequest, 'input' | 'config' | 'kvPrecision'> {
  /** Whether to compute the exact result too, token by token, and compare. */
  readonly exact: boolean;
}

export interface Convergence {
  readonly tokens: readonly TokenWithText[];
  /** One of each group that is iterated; none where no layer reads above itself. */
  readonly groups: readonly GroupMovement[];
  /** Of parallel mode from the exact result, by position; null unless asked for. */
  readonly divergence: Divergence | null;
}

/** How far one distribution of the next token is from another, by position. */
export interface Divergence {
  /** KL(reference ‖ this) in nats. Fewer than `of` where a vocabulary is so large that not all rows were kept. */
  readonly kl: Float32Array;
  /** Whether both find the same token likeliest; as many as `kl`. */
  readonly agrees: readonly boolean[];
  /** Positions that were read. */
  readonly of: number;
}

export interface ScoreRequest extends Pick<GenerateRequest, 'input' | 'config' | 'mode' | 'kvPrecision'> {
  /** The tokens to score, not empty. */
  readonly continuation: readonly number[];
  /** Whether this is what others are compared with, or is compared with the one that was kept last. */
  readonly reference: 'keep' | 'compare';
}

export interface Score {
  readonly mode: Mode;
  /** Log-probability, in nats, of each token of the continuation. */
  readonly logProbabilities: Float32Array;
  /** From the reference; null where this is the reference. */
  readonly divergence: Divergence | null;
}

export interface ExportRequest {
  /** Differences from the checkpoint's own configuration. */
  readonly config: Partial<SharingConfig>;
  /** What numbers of 32 bits become; those of 16 stay as they are. */
  readonly round: RoundTo;
  readonly to: ExportTarget;
}

export interface Timing {
  readonly prefillMs: number;
  /** From the first new token to the last. */
  readonly decodeMs: number;
  readonly prefillTokensPerSec: number;
  /** 0 where fewer than two tokens were written. */
  readonly decodeTokensPerSec: number;
}

export type OnEvent = (event: EngineEvent) => void;

export type EngineEvent =
  /** The backend has room for the weights: all headers were read, and no weight yet. */
  | { readonly type: 'room'; readonly weightBytes: number; readonly adapter: AdapterFacts }
  | {
      readonly type: 'download';
      readonly file: string;
      readonly loadedBytes: number;
      /** 0 where the server does not say. */
      readonly totalBytes: number;
    }
  | {
      readonly type: 'export';
      readonly file: string;
      readonly writtenBytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'prefill'; readonly share: number; readonly promptTokens: number; readonly mode: Mode }
  /** New text; several tokens may pass before a character is whole, so `text` may be empty. */
  | {
      readonly type: 'token';
      readonly id: number;
      readonly text: string;
      /** Since the first new token. */
      readonly ms: number;
      /** Where `watch.tokens` asked for it. */
      readonly measured?: MeasuredToken;
    }
  /** At most a few times a second, and once at the end of a run. */
  | { readonly type: 'stats'; readonly kv: KvUsage; readonly timing: Timing; readonly newTokens: number };

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** Why a server does not hand out a repository. */
export type HubRefusal =
  'no-such-repository' | 'no-such-revision' | 'needs-token' | 'token-is-wrong' | 'not-allowed';

/** What can go wrong without anybody's bug. `web/ui/explain.ts` alone turns these into sentences. */
export type Failure =
  | BackendFailure
  | { readonly code: 'bad-layer-types'; readonly at: number; readonly reason: string }
  | { readonly code: 'bad-config'; readonly field: string; readonly reason: string }
  | { readonly code: 'bad-weights'; readonly file: string; readonly reason: string }
  | { readonly code: 'bad-tokenizer'; readonly reason: string }
  | { readonly code: 'bad-template'; readonly reason: string }
  | { readonly code: 'bad-request'; readonly field: string; readonly reason: string }
  | {
      readonly code: 'download-failed';
      readonly file: string;
      readonly status: number;
      readonly reason: string;
      /** How long the server asks to wait, where that is too long to be waited for. */
      readonly retryAfterSec?: number;
    }
  /** A file on this machine that was there when it was opened. */
  | { readonly code: 'unreadable-file'; readonly file: string; readonly reason: string }
  /** Files were opened, but not those of one model: the folders among them that hold one, none or several. */
  | { readonly code: 'not-one-model'; readonly folders: readonly string[] }
  | ({ readonly code: 'hub-refused'; readonly why: HubRefusal } & {
      readonly repository: string;
      readonly endpoint: string;
    })
  /** A file is not what its digest says, also after it was fetched again. */
  | { readonly code: 'damaged-file'; readonly file: string; readonly reason: string }
  /** The browser will not keep so much. */
  | { readonly code: 'no-room'; readonly neededBytes: number; readonly availableBytes: number }
  /** Was deleted from this device, here or in another tab. */
  | { readonly code: 'not-stored'; readonly model: string }
  | { readonly code: 'cancelled' }
  | { readonly code: 'export-failed'; readonly file: string; readonly reason: string }
  | { readonly code: 'no-model' }
  /** A measurement that was stopped: half of it would say nothing. */
  | { readonly code: 'stopped' }
  /** A bug of ours that was caught at the edge of the worker; the page stays usable. */
  | { readonly code: 'internal'; readonly reason: string };
