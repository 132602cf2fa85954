import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { GenerateResult, MeasuredToken } from '../../worker/protocol/generate.ts';

/** Events come in bursts; what is drawn follows a few times a second. */
const REDRAW_MS = 150;

/** What is known of one run, token by token, as it goes. The engine's own figures and clock. */
export class RunTrace {
  /** When each new token arrived, in milliseconds since the first. */
  arrivalsMs = $state.raw<readonly number[]>([]);
  /** Empty unless the run is measured. */
  measured = $state.raw<readonly MeasuredToken[]>([]);
  /** GPU time of one step; null where the adapter tells none, undefined where nobody asked. */
  kernels = $state.raw<GenerateResult['kernels']>(undefined);

  #arrivals: number[] = [];
  #measures: MeasuredToken[] = [];
  #shownMs = -Infinity;

  begin(): void {
    this.#arrivals = [];
    this.#measures = [];
    this.kernels = undefined;
    this.#show();
  }

  receive(event: EngineEvent): void {
    if (event.type !== 'token') return;
    this.#arrivals.push(event.ms);
    if (event.measured) this.#measures.push(event.measured);
    if (performance.now() - this.#shownMs >= REDRAW_MS) this.#show();
  }

  end(result: GenerateResult): void {
    this.#measures = [...(result.measured ?? [])];
    this.kernels = result.kernels;
    this.#show();
  }

  #show(): void {
    this.#shownMs = performance.now();
    this.arrivalsMs = [...this.#arrivals];
    this.measured = [...this.#measures];
  }
}
