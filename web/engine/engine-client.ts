import { proxy, wrap, type Remote } from 'comlink';
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
  Score,
  ScoreRequest,
} from '../../worker/protocol.ts';

type Receive = (event: EngineEvent) => void;

/** The page's end of the worker boundary: every answer is an `Outcome`, also when the worker throws or dies. */
export class EngineClient {
  readonly #engine: Remote<EngineApi>;
  readonly #crash: Promise<never>;

  constructor(worker: Worker) {
    this.#engine = wrap<EngineApi>(worker);
    this.#crash = new Promise((_, reject) => {
      worker.addEventListener('error', (event) => {
        reject(new Error(event.message || 'the worker could not be started'));
      });
    });
    this.#crash.catch(() => undefined); // each call that races it reports it
  }

  load(request: LoadRequest, receive: Receive): Promise<Outcome<ModelFacts>> {
    return this.#call(receive, (onEvent) => this.#engine.load(request, onEvent));
  }

  generate(request: GenerateRequest, receive: Receive): Promise<Outcome<GenerateResult>> {
    return this.#call(receive, (onEvent) => this.#engine.generate(request, onEvent));
  }

  export(request: ExportRequest, receive: Receive): Promise<Outcome<ExportResult>> {
    return this.#call(receive, (onEvent) => this.#engine.export(request, onEvent));
  }

  measureConvergence(request: ConvergenceRequest, receive: Receive): Promise<Outcome<Convergence>> {
    return this.#call(receive, (onEvent) => this.#engine.measureConvergence(request, onEvent));
  }

  score(request: ScoreRequest, receive: Receive): Promise<Outcome<Score>> {
    return this.#call(receive, (onEvent) => this.#engine.score(request, onEvent));
  }

  stop(): void {
    this.#engine.stop().catch(() => undefined); // a dead worker has stopped
  }

  /**
   * Lends the worker a callback for the time of one call. The worker releases the port; afterwards nothing gets
   * through any more, so an event that comes late, on a port of its own, cannot be taken for another call's.
   */
  async #call<T>(receive: Receive, work: (onEvent: Receive) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    let receiver: Receive | null = receive;
    const onEvent = proxy((event: EngineEvent) => receiver?.(event));
    try {
      return await Promise.race([work(onEvent), this.#crash]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, failure: { code: 'internal', reason } };
    } finally {
      receiver = null;
    }
  }
}
