import { wrap, type Remote } from 'comlink';
import type { AttentionRequest, TokenAttention } from '../../worker/protocol/attention.ts';
import type { ExportResult, PlannedConfig } from '../../worker/protocol/export.ts';
import type { EngineApi, EngineEvent } from '../../worker/protocol/engine.ts';
import type { ExportRequest } from '../../worker/protocol/export.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult, Prompt } from '../../worker/protocol/generate.ts';
import type { LargestBatch, LargestBatchRequest } from '../../worker/protocol/largest-batch.ts';
import type { LoadRequest, ModelFacts, SharingConfig } from '../../worker/protocol/load.ts';
import type { Convergence, ConvergenceRequest, Score, ScoreRequest } from '../../worker/protocol/evaluate.ts';
import type { MeasureRequest, MeasureResult } from '../../worker/protocol/measure.ts';
import type { SequencesRequest, SequencesResult } from '../../worker/protocol/sequences.ts';
import { WorkerCalls } from './worker-calls.ts';

type Receive = (event: EngineEvent) => void;

/** The page's client of the worker that runs the model. */
export class EngineClient {
  readonly #engine: Remote<EngineApi>;
  readonly #calls: WorkerCalls;

  constructor(worker: Worker) {
    this.#engine = wrap<EngineApi>(worker);
    this.#calls = new WorkerCalls(worker);
  }

  load(request: LoadRequest, receive: Receive): Promise<Outcome<ModelFacts>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.load(request, onEvent));
  }

  generate(request: GenerateRequest, receive: Receive): Promise<Outcome<GenerateResult>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.generate(request, onEvent));
  }

  generateSequences(request: SequencesRequest, receive: Receive): Promise<Outcome<SequencesResult>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.generateSequences(request, onEvent));
  }

  export(request: ExportRequest, receive: Receive): Promise<Outcome<ExportResult>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.export(request, onEvent));
  }

  configUnder(config: Partial<SharingConfig>): Promise<Outcome<PlannedConfig>> {
    return this.#calls.ask(() => this.#engine.configUnder(config));
  }

  watchConvergence(request: ConvergenceRequest, receive: Receive): Promise<Outcome<Convergence>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.watchConvergence(request, onEvent));
  }

  readAttention(request: AttentionRequest, receive: Receive): Promise<Outcome<TokenAttention>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.readAttention(request, onEvent));
  }

  score(request: ScoreRequest, receive: Receive): Promise<Outcome<Score>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.score(request, onEvent));
  }

  measure(request: MeasureRequest, receive: Receive): Promise<Outcome<MeasureResult>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.measure(request, onEvent));
  }

  countWork(request: MeasureRequest): Promise<Outcome<MeasureResult>> {
    return this.#calls.ask(() => this.#engine.countWork(request));
  }

  largestBatch(request: LargestBatchRequest): Promise<Outcome<LargestBatch>> {
    return this.#calls.ask(() => this.#engine.largestBatch(request));
  }

  countTokens(prompt: Prompt): Promise<Outcome<number>> {
    return this.#calls.ask(() => this.#engine.countTokens(prompt));
  }

  stop(): void {
    this.#engine.stop().catch(() => undefined); // a dead worker has stopped
  }
}
