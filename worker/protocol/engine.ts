/**
 * What the page can ask the worker, and the events that the worker sends meanwhile. Everything that crosses is in this
 * folder: only types, and only plain data. Expected failures are values (`Outcome`), because Comlink would strip a
 * typed error. Bugs throw.
 */
import type { AdapterFacts } from '../../gpu/backend.ts';
import type { StoreRows } from '../../gpu/kv/store-rows.ts';
import type { KvUsage } from '../../gpu/kv/usage.ts';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { AttentionRequest, TokenAttention } from './attention.ts';
import type { ExportRequest, ExportResult, PlannedConfig } from './export.ts';
import type { Outcome } from './failure.ts';
import type {
  GenerateRequest,
  GenerateResult,
  TokenWithProbabilities,
  TokenWithText,
  Prompt,
  Timing,
} from './generate.ts';
import type { LargestBatch, LargestBatchRequest } from './largest-batch.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from './load.ts';
import type { Measured, MeasureRequest, MeasureResult } from './measure.ts';
import type { SequencesRequest, SequencesResult, SequenceText } from './sequences.ts';
import type { Convergence, ConvergenceRequest, Score, ScoreRequest } from './evaluate.ts';

export interface EngineApi {
  /** Loads a model in place of the one before. Waits for earlier calls to end, so stop a run in progress first. */
  load(request: LoadRequest, onEvent: OnEvent): Promise<Outcome<ModelFacts>>;
  /** Prefills the prompt and continues it. Waits for earlier calls to end; never interleaves with them. */
  generate(request: GenerateRequest, onEvent: OnEvent): Promise<Outcome<GenerateResult>>;
  /** Writes several sequences together. Queued as `generate` is, and ended by `stop`. */
  generateSequences(request: SequencesRequest, onEvent: OnEvent): Promise<Outcome<SequencesResult>>;
  /** How far each pass of a parallel prefill moves each position. Queued as `generate` is, and ended by `stop`. */
  watchConvergence(request: ConvergenceRequest, onEvent: OnEvent): Promise<Outcome<Convergence>>;
  /** What one token of a run's text reads, layer by layer. Queued as `generate` is, and ended by `stop`. */
  readAttention(request: AttentionRequest, onEvent: OnEvent): Promise<Outcome<TokenAttention>>;
  /** Scores a given continuation, teacher-forced, alone or against the one scored first. Queued as `generate` is. */
  score(request: ScoreRequest, onEvent: OnEvent): Promise<Outcome<Score>>;
  /**
   * Measures items for the laboratory. Each arrives as an event `measured` when it is known, so that a stop or a crash
   * loses only the one at hand. Queued as `generate` is.
   */
  measure(request: MeasureRequest, onEvent: OnEvent): Promise<Outcome<MeasureResult>>;
  /** Counts the tokens that `measure` would read. */
  countWork(request: MeasureRequest): Promise<Outcome<MeasureResult>>;
  /** How many equal sequences a memory budget has room for. Queued as `generate` is. */
  largestBatch(request: LargestBatchRequest): Promise<Outcome<LargestBatch>>;
  /** The number of tokens that a run would read for a prompt. Waits for earlier calls to end. */
  countTokens(prompt: Prompt): Promise<Outcome<number>>;
  /** Ends the runs asked for so far, within one token; they resolve with what they have. */
  stop(): void;
  /** Exports the loaded checkpoint under a plan. Waits for earlier calls to end; `stop` ends it. */
  export(request: ExportRequest, onEvent: OnEvent): Promise<Outcome<ExportResult>>;
  /** What {@link export} would write as config.json, if the weights kept their type. Waits for earlier calls to end. */
  configUnder(config: Partial<SharingConfig>): Promise<Outcome<PlannedConfig>>;
  /** Frees the model and the device. */
  unload(): Promise<void>;
}

export type OnEvent = (event: EngineEvent) => void;

export type EngineEvent =
  /** The backend has room for the weights: all headers were read, and no weight yet. */
  | { readonly type: 'room'; readonly weightBytes: number; readonly adapter: AdapterFacts }
  | {
      readonly type: 'download';
      readonly file: string;
      readonly loadedBytes: number;
      /** 0 if the server does not say. */
      readonly totalBytes: number;
    }
  | {
      readonly type: 'export';
      readonly file: string;
      readonly writtenBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly type: 'prefill';
      readonly fraction: number;
      readonly promptTokens: number;
      readonly mode: Mode;
    }
  /** The tokens of the prompt, before it is read. Only if the request sets `watch.rows`, and the prompt is not huge. */
  | { readonly type: 'prompt'; readonly tokens: readonly TokenWithText[] }
  /** What a policy left of a text of so many tokens. Several times a second if the request sets `watch.rows`. */
  | { readonly type: 'rows'; readonly textTokens: number; readonly stores: readonly StoreRows[] }
  /** New text; several tokens may pass before a character is whole, so `text` may be empty. */
  | {
      readonly type: 'token';
      readonly id: number;
      readonly text: string;
      /** Since the first new token. */
      readonly ms: number;
      /** KV in use when the token was drawn. */
      readonly kvBytes: number;
      /** Present if the request sets `watch.tokens`. */
      readonly probabilities?: TokenWithProbabilities;
    }
  /** A new token of one of several sequences, by its index in the request. */
  | { readonly type: 'sequence-token'; readonly sequence: number; readonly id: number }
  /**
   * What sequences have gained since the last such event, a few times a second. Parts of characters are left out: the
   * result has the whole texts.
   */
  | { readonly type: 'sequence-texts'; readonly texts: readonly SequenceText[] }
  /** Tokens that a measurement has read so far. */
  | { readonly type: 'measuring'; readonly tokens: number }
  | { readonly type: 'measured'; readonly item: number; readonly measured: Measured }
  /** At most a few times a second, and once at the end of a run. */
  | { readonly type: 'stats'; readonly kv: KvUsage; readonly timing: Timing; readonly newTokens: number };
