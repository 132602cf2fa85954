import { wrap, type Remote } from 'comlink';
import type { ExportResult } from '../../worker/export/protocol.ts';
import type {
  Convergence,
  ConvergenceRequest,
  EngineApi,
  EngineEvent,
  ExportRequest,
  GenerateRequest,
  GenerateResult,
  LoadRequest,
  ModelFacts,
  Outcome,
  Prompt,
  Score,
  ScoreRequest,
} from '../../worker/protocol.ts';
import { WorkerCalls } from './worker-calls.ts';

type Receive = (event: EngineEvent) => void;

/** The page's end of the worker that computes. */
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

  export(request: ExportRequest, receive: Receive): Promise<Outcome<ExportResult>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.export(request, onEvent));
  }

  measureConvergence(request: ConvergenceRequest, receive: Receive): Promise<Outcome<Convergence>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.measureConvergence(request, onEvent));
  }

  score(request: ScoreRequest, receive: Receive): Promise<Outcome<Score>> {
    return this.#calls.lend(receive, (onEvent) => this.#engine.score(request, onEvent));
  }

  countTokens(prompt: Prompt): Promise<Outcome<number>> {
    return this.#calls.ask(() => this.#engine.countTokens(prompt));
  }

  stop(): void {
    this.#engine.stop().catch(() => undefined); // a dead worker has stopped
  }
}
