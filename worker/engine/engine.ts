import type { Backend } from '../../gpu/backend.ts';
import { BackendError, isLost } from '../../gpu/backend-error.ts';
import { Conversation } from './conversation.ts';
import { EventPort } from '../event-port.ts';
import type { ExportableModel, ExportRun } from '../export/export-model.ts';
import type { RunOptions } from './generate.ts';
import { loadModel, type LoadedModel } from '../loader/load-model.ts';
import type { ModelSource } from '../loader/model-source.ts';
import type { MeasurableModel } from '../evaluate/measure.ts';
import type { ScoreReference } from '../evaluate/score.ts';
import { modelId } from '../model-id.ts';
import { fail, Refused, succeed, valueOf } from '../outcome.ts';
import type { AttentionRequest, TokenAttention } from '../protocol/attention.ts';
import type { EngineApi, EngineEvent, OnEvent } from '../protocol/engine.ts';
import type { ExportRequest, PlannedConfig } from '../protocol/export.ts';
import type { Failure, Outcome } from '../protocol/failure.ts';
import { unexpectedFailure } from '../unexpected-failure.ts';
import type { GenerateRequest, GenerateResult, Prompt } from '../protocol/generate.ts';
import type { LargestBatch, LargestBatchRequest } from '../protocol/largest-batch.ts';
import type {
  BackendChoice,
  LoadRequest,
  BroughtModel,
  ModelFacts,
  ModelRef,
  SharingConfig,
} from '../protocol/load.ts';
import type { Convergence, ConvergenceRequest, Score, ScoreRequest } from '../protocol/evaluate.ts';
import type { ExportResult } from '../protocol/export.ts';
import type { MeasureRequest, MeasureResult } from '../protocol/measure.ts';
import type { SequencesRequest, SequencesResult } from '../protocol/sequences.ts';
import type { TextPlace } from '../text/guarded-text.ts';
import { shapeKernels, type ShapeMemory } from './shape-kernels.ts';
import { warmUp } from './warm-up.ts';

/** What an engine needs from its surroundings. The page and Node provide different parts. */
export interface EngineParts {
  /**
   * @param profiling whether runs on it ask how long its kernels take
   * @throws BackendError if this machine does not have the backend
   */
  openBackend(choice: BackendChoice, profiling: boolean): Promise<Backend>;
  openSource(model: string): Outcome<ModelSource>;
  /**
   * Opens a model that the person brings. An engine without this refuses such models.
   *
   * @param cancelled aborts if the load is stopped, which also ends its requests
   */
  openBrought?(model: BroughtModel, cancelled: AbortSignal): Promise<Outcome<ModelSource>>;
  /** Exports a loaded model. An engine without this refuses exports. */
  exportModel?(model: ExportableModel, request: ExportRequest, run: ExportRun): Promise<ExportResult>;
  /** Opens a place that runs a model's own tokenizer and template. */
  openTextPlace(): TextPlace;
  /** Whether loading also compiles the kernels of the model's own plan, so that the first run starts at once. */
  readonly warmUp?: boolean;
  /** Where it keeps which kernels are fastest. */
  readonly shapeMemory?: ShapeMemory;
}

interface HeldBackend {
  readonly choice: BackendChoice;
  readonly profiling: boolean;
  readonly opened: Backend;
}

interface HeldModel {
  readonly request: LoadRequest;
  readonly loaded: LoadedModel;
  readonly conversation: Conversation;
  readonly facts: ModelFacts;
}

type Emit = (event: EngineEvent) => void;

/** Needed when a model is there, and fetched while it loads. */
const codeForRuns = () => import('./generate.ts');

/**
 * One model on one backend, and a queue of calls. Knows nothing about threads.
 * Calls run one after the other. A failure ends its call and leaves the engine usable.
 */
export class Engine implements EngineApi {
  readonly #parts: EngineParts;
  /** Settles, never rejects, when every call so far has ended. */
  #queue: Promise<unknown> = Promise.resolve();
  #stops = 0;
  #loads = new AbortController();
  #reference: ScoreReference | null = null;
  #backend: HeldBackend | null = null;
  #model: HeldModel | null = null;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  load(request: LoadRequest, onEvent: OnEvent): Promise<Outcome<ModelFacts>> {
    const cancelled = this.#loads.signal;
    return this.#answer(onEvent, (emit) => this.#load(request, emit, cancelled, false));
  }

  generate(request: GenerateRequest, onEvent: OnEvent): Promise<Outcome<GenerateResult>> {
    const profiling = request.watch?.kernels ?? false;
    return this.#run(
      onEvent,
      async (model, options) => (await codeForRuns()).generate(model, request, options),
      profiling,
    );
  }

  generateSequences(request: SequencesRequest, onEvent: OnEvent): Promise<Outcome<SequencesResult>> {
    return this.#run(onEvent, async (model, options) => {
      // A run over one prompt does without this code.
      const { generateSequences } = await import('./generate-sequences.ts');
      return generateSequences(model, request, options);
    });
  }

  watchConvergence(request: ConvergenceRequest, onEvent: OnEvent): Promise<Outcome<Convergence>> {
    return this.#run(onEvent, async (model, options) => {
      // Only a closer look needs this code, so the first download does not include it.
      const { watchConvergence } = await import('../evaluate/convergence.ts');
      return watchConvergence(model, request, options);
    });
  }

  readAttention(request: AttentionRequest, onEvent: OnEvent): Promise<Outcome<TokenAttention>> {
    return this.#run(onEvent, async (model, options) => {
      const { readAttention } = await import('../evaluate/attention.ts');
      return readAttention(model, request, options);
    });
  }

  score(request: ScoreRequest, onEvent: OnEvent): Promise<Outcome<Score>> {
    return this.#run(onEvent, async (model, options) => {
      const { scoreContinuation } = await import('../evaluate/score.ts');
      const { score, reference } = await scoreContinuation(model, request, this.#reference, options);
      this.#reference = reference;
      return score;
    });
  }

  measure(request: MeasureRequest, onEvent: OnEvent): Promise<Outcome<MeasureResult>> {
    return this.#run(onEvent, (model, options) => this.#measure(model, request, false, options));
  }

  countWork(request: MeasureRequest): Promise<Outcome<MeasureResult>> {
    return this.#run(ignore, (model, options) => this.#measure(model, request, true, options));
  }

  largestBatch(request: LargestBatchRequest): Promise<Outcome<LargestBatch>> {
    return this.#run(ignore, async (model, { stopped }) => {
      const { largestBatchOf } = await import('../evaluate/largest-batch-of.ts');
      return largestBatchOf(model, request, stopped);
    });
  }

  async #measure(
    model: MeasurableModel,
    request: MeasureRequest,
    onlyCount: boolean,
    options: RunOptions,
  ): Promise<MeasureResult> {
    const { measure } = await import('../evaluate/measure.ts');
    return measure(model, request, onlyCount, options);
  }

  export(request: ExportRequest, onEvent: OnEvent): Promise<Outcome<ExportResult>> {
    const cancelled = this.#loads.signal;
    return this.#answer(onEvent, async (emit) => {
      const { loaded, facts, request: loadedAs } = this.#held();
      // Opened again, because a stop since then may have ended the source of the load.
      const source = valueOf(await this.#openSource(loadedAs.model, cancelled));
      const model = { id: facts.id, config: loaded.config, source };
      const exported = this.#parts.exportModel?.(model, request, { emit, stopped: () => cancelled.aborted });
      if (exported) return exported;
      throw new Refused({ code: 'bad-request', field: 'to', reason: 'this engine exports no models' });
    });
  }

  configUnder(config: Partial<SharingConfig>): Promise<Outcome<PlannedConfig>> {
    return this.#answer(null, async () => {
      const { planConfig } = await import('../export/planned-config.ts'); // for whoever copies it
      return planConfig(this.#held().loaded, config);
    });
  }

  countTokens(prompt: Prompt): Promise<Outcome<number>> {
    return this.#answer(null, async () => {
      const { promptTurns, tokensOf } = await import('./check-request.ts');
      const { config, text } = this.#held().loaded;
      return tokensOf(await promptTurns(prompt, text, config.dims)).length;
    });
  }

  stop(): void {
    this.#stops++;
    this.#model?.loaded.text?.interrupt();
    this.#loads.abort();
    this.#loads = new AbortController();
  }

  unload(): Promise<void> {
    return this.#enqueue(() => {
      this.#reference = null;
      this.#dropBackend();
      return Promise.resolve();
    });
  }

  /** Runs a call on the loaded model. A stop from now on ends it. */
  #run<T>(
    onEvent: OnEvent,
    work: (model: MeasurableModel, options: RunOptions) => Promise<T>,
    profiling = false,
  ): Promise<Outcome<T>> {
    const stopsBefore = this.#stops;
    const stopped = () => this.#stops > stopsBefore;
    const cancelled = this.#loads.signal;
    return this.#answer(onEvent, async (emit) => {
      await this.#moveTo(profiling, emit, cancelled);
      const { loaded, conversation, request } = this.#held();
      const openSource = async () => valueOf(await this.#openSource(request.model, this.#loads.signal));
      return work({ ...loaded, conversation, openSource }, { emit, stopped });
    });
  }

  /** Runs a call when its turn comes, and turns what it throws into a failure. */
  async #answer<T>(onEvent: OnEvent | null, work: (emit: Emit) => Promise<T>): Promise<Outcome<T>> {
    const port = onEvent && new EventPort(onEvent);
    const outcome = await this.#enqueue(async () => {
      try {
        return succeed(await work(port?.emit ?? ignore));
      } catch (error) {
        return fail(this.#failureOf(error));
      }
    });
    await port?.close();
    return outcome;
  }

  #held(): HeldModel {
    if (!this.#model) throw new Refused({ code: 'no-model' });
    return this.#model;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Loads the model again if it has to be on a device that is opened for profiling, or must not. */
  async #moveTo(profiling: boolean, emit: Emit, cancelled: AbortSignal): Promise<void> {
    const { request, facts } = this.#held();
    if (!facts.canTimeKernels || this.#backend?.profiling === profiling) return;
    this.#dropBackend();
    await this.#load(request, emit, cancelled, profiling);
  }

  async #load(
    request: LoadRequest,
    emit: Emit,
    cancelled: AbortSignal,
    profiling: boolean,
  ): Promise<ModelFacts> {
    if (this.#model && isSame(this.#model.request, request)) {
      // It may have fewer threads than when it was loaded.
      return { ...this.#model.facts, adapter: this.#model.loaded.backend.adapter };
    }
    void codeForRuns().catch(() => undefined); // asked for again when something runs
    this.#dropModel();
    const { choice = request.backend, profiling: profiled = profiling } = this.#backend ?? {};
    if (choice !== request.backend || profiled !== profiling) this.#dropBackend();

    const source = valueOf(await this.#openSource(request.model, cancelled));
    const openBackend = async () => {
      this.#backend ??= {
        choice: request.backend,
        profiling,
        opened: await this.#parts.openBackend(request.backend, profiling),
      };
      return this.#backend.opened;
    };
    const { weights, quantizeEmbeddings } = request;
    const loaded = await loadModel({
      source,
      sourceLater: async () => valueOf(await this.#openSource(request.model, this.#loads.signal)),
      openBackend,
      openTextPlace: () => this.#parts.openTextPlace(),
      weights,
      quantizeEmbeddings,
      emit,
    });
    const shaped = await orFree(loaded, async () => {
      const found = await shapeKernels(
        loaded,
        request.workgroupRows ?? '32',
        this.#parts.shapeMemory ?? null,
      );
      if (this.#parts.warmUp) await warmUp(loaded);
      return found;
    });
    const facts: ModelFacts = {
      id: modelId(request.model),
      dims: loaded.config.dims,
      stored: loaded.config.stored,
      useSequential: loaded.config.useSequential,
      hasTokenizer: loaded.text !== null,
      hasChatTemplate: loaded.hasChatTemplate,
      weightBytes: loaded.weights.bytes,
      adapter: loaded.backend.adapter,
      shaped,
      canTimeKernels: loaded.backend.timesKernels,
      kernels: loaded.kernels,
      suggestedSampling: loaded.suggestedSampling,
      notices: loaded.notices,
    };
    this.#model = { request, loaded, conversation: new Conversation(), facts };
    return facts;
  }

  async #openSource(model: ModelRef, cancelled: AbortSignal): Promise<Outcome<ModelSource>> {
    if (typeof model === 'string') return this.#parts.openSource(model);
    const reason = 'this engine opens only models that ship or lie in a folder';
    return (
      (await this.#parts.openBrought?.(model, cancelled)) ??
      fail({ code: 'bad-request', field: 'model', reason })
    );
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof Refused) return error.failure;
    if (error instanceof BackendError) {
      // The next load opens another one.
      if (isLost(error.failure)) this.#dropBackend();
      return error.failure;
    }
    console.error(error);
    return unexpectedFailure(error);
  }

  #dropModel(): void {
    const model = this.#model;
    this.#model = null;
    model?.loaded.text?.close();
    model?.conversation.forget();
    model?.loaded.weights.free();
  }

  #dropBackend(): void {
    const backend = this.#backend;
    this.#backend = null;
    try {
      this.#dropModel();
    } finally {
      backend?.opened.destroy();
    }
  }
}

async function orFree<T>(loaded: LoadedModel, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    loaded.text?.close();
    loaded.weights.free();
    throw error;
  }
}

const ignore = () => undefined;

const isSame = (a: LoadRequest, b: LoadRequest) =>
  isSameModel(a.model, b.model) &&
  a.backend === b.backend &&
  a.workgroupRows === b.workgroupRows &&
  isSameFormats(a, b);

const isSameFormats = (a: LoadRequest, b: LoadRequest) =>
  a.weights === b.weights && a.quantizeEmbeddings === b.quantizeEmbeddings;

const isSameModel = (a: ModelRef, b: ModelRef) =>
  modelId(a) === modelId(b) &&
  fromOf(a) === fromOf(b) &&
  placeOf(a)?.endpoint === placeOf(b)?.endpoint &&
  placeOf(a)?.commit === placeOf(b)?.commit;

const fromOf = (model: ModelRef) => (typeof model === 'string' ? 'page' : model.from);
const placeOf = (model: ModelRef) => (typeof model !== 'string' && model.from === 'hub' ? model : null);
