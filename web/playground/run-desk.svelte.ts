import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult, Watch } from '../../worker/protocol/generate.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';
import { RunLibrary } from './run-library.svelte.ts';
import { FrameText } from './frame-text.ts';
import { beginRun, endRun, runAfter, type Run } from './run.ts';
import { RunTrace } from './run-trace.svelte.ts';

const RUNS_KEPT = 6;

/** The run that is shown, what is watched of it, and those before it. */
export class RunDesk {
  /** The run whose text is shown: the one in progress, or the last. */
  run = $state.raw<Run | null>(null);
  /** The continuation that `run` has written so far. */
  text = $state.raw('');
  /** Runs that finished since the page was opened, the latest first. */
  finished = $state.raw<readonly Run[]>([]);
  /** What is watched of the next runs besides; the text is the same with it and without. */
  readonly watch = $state<{ -readonly [Key in keyof Watch]: boolean }>({ tokens: false, kernels: false });
  /** What was watched of `run`: for the charts and the tokens. */
  readonly trace = new RunTrace();
  /** All runs that are kept, also those of earlier visits. */
  readonly library = new RunLibrary();

  readonly #text = new FrameText((text) => (this.text += text));
  #count = 0;

  /** Begins a run; returns what the engine is asked for, which says what is watched. */
  begin(model: ModelFacts, setUp: Pick<Run, 'prompt' | 'link'>, asked: GenerateRequest): GenerateRequest {
    const watch = { ...this.watch };
    const request = watch.tokens || watch.kernels ? { ...asked, watch } : asked;
    this.text = '';
    this.run = beginRun(++this.#count, model, setUp, request);
    this.trace.begin();
    return request;
  }

  readonly receive = (event: EngineEvent): void => {
    if (this.run) this.run = runAfter(this.run, event);
    if (event.type === 'token') this.#text.add(event.text);
    this.trace.receive(event);
  };

  end(outcome: Outcome<GenerateResult>): void {
    this.#text.flush();
    if (!this.run) return;
    if (outcome.ok) {
      this.run = endRun(this.run, outcome.value);
      this.text = outcome.value.text ?? this.text;
      this.finished = [this.run, ...this.finished].slice(0, RUNS_KEPT);
      this.trace.end(outcome.value);
      this.library.record(this.run, this.text);
    } else {
      this.run = { ...this.run, end: { failure: outcome.failure } };
    }
  }
}
