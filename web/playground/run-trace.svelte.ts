import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { GenerateResult, TokenWithProbabilities } from '../../worker/protocol/generate.ts';

/** Events come in bursts; charts are redrawn only a few times a second. */
const REDRAW_MS = 150;

/** What is known about one run, token by token. Numbers and times are the engine's own. */
export class RunTrace {
  /** Arrival of each new token, in milliseconds since the first. */
  arrivalsMs = $state.raw<readonly number[]>([]);
  /** KV in use when each new token was drawn, as the backend's stores say. */
  kvBytes = $state.raw<readonly number[]>([]);
  /** Empty unless the run records its tokens. */
  probabilities = $state.raw<readonly TokenWithProbabilities[]>([]);
  /** The tokens that the run wrote, once it has ended. */
  tokens = $state.raw<readonly number[]>([]);
  /** GPU time of one step; null if the adapter has no clock, undefined if nobody asked. */
  kernels = $state.raw<GenerateResult['kernels']>(undefined);

  #arrivals: number[] = [];
  #bytes: number[] = [];
  #probabilities: TokenWithProbabilities[] = [];
  #shownMs = -Infinity;

  start(): void {
    this.#arrivals = [];
    this.#bytes = [];
    this.#probabilities = [];
    this.tokens = [];
    this.kernels = undefined;
    this.#show();
  }

  receive(event: EngineEvent): void {
    if (event.type !== 'token') return;
    this.#arrivals.push(event.ms);
    this.#bytes.push(event.kvBytes);
    if (event.probabilities) this.#probabilities.push(event.probabilities);
    if (performance.now() - this.#shownMs >= REDRAW_MS) this.#show();
  }

  finish(result: GenerateResult): void {
    this.#probabilities = [...(result.probabilities ?? [])];
    this.tokens = result.tokens;
    this.kernels = result.kernels;
    this.#show();
  }

  #show(): void {
    this.#shownMs = performance.now();
    this.arrivalsMs = [...this.#arrivals];
    this.kvBytes = [...this.#bytes];
    this.probabilities = [...this.#probabilities];
  }
}
