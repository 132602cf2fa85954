import type { EngineEvent } from '../../worker/protocol/engine.ts';
import type { Outcome } from '../../worker/protocol/failure.ts';
import type { GenerateRequest, GenerateResult, Watch } from '../../worker/protocol/generate.ts';
import type { ModelFacts } from '../../worker/protocol/load.ts';
import type { RunLibrary } from './run-library.svelte.ts';
import type { StoredRun } from './stored-run.ts';
import { FrameText } from './frame-text.ts';
import { finishedRun, newRun, runAfter, writesSeveral, type Run, type RunSetup } from './run.ts';
import { RunTrace } from './run-trace.svelte.ts';

const RUNS_KEPT = 6;

/** The run that the page shows, what is recorded during it, and the runs before it. */
export class RunDesk {
  /** The run in progress, or else the last one. */
  run = $state.raw<Run | null>(null);
  /** The continuation that `run` has written so far. */
  text = $state.raw('');
  /** Runs that finished since the page was opened, newest first. */
  finished = $state.raw<readonly Run[]>([]);
  /** What to record in the next runs. Recording does not change the text. */
  readonly watch = $state<{ -readonly [Key in keyof Watch]: boolean }>({
    tokens: false,
    kernels: false,
    rows: false,
    steps: false,
    scores: false,
  });
  /** What was recorded during `run`, for the charts and the tokens. */
  readonly trace = new RunTrace();
  /** All kept runs, including those of earlier visits; null until {@link openLibrary} has fetched its code. */
  library = $state.raw<RunLibrary | null>(null);
  /** The last run that finished since the page was opened, as it is kept. */
  recorded = $state.raw<StoredRun | null>(null);
  /** The run that finished before {@link recorded}, since the page was opened. */
  before = $state.raw<StoredRun | null>(null);
  /** `run` as it is kept, once it has ended. */
  readonly ended = $derived(
    this.run?.end && this.recorded?.id.endsWith(`-${this.run.number}`) ? this.recorded : null,
  );
  /** The speeds of `run`, once it has ended, and of the last runs of the same set-up. */
  readonly speeds = $derived(this.ended ? (this.library?.speedsOf(this.ended) ?? null) : null);

  readonly #text = new FrameText((text) => (this.text += text));
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #count = 0;
  /** The last run is being put among the kept ones. */
  #recording: Promise<void> = Promise.resolve();
  #opening: Promise<RunLibrary> | null = null;

  /** Fetches the code for kept runs, which the first view does not need, and reads the runs of earlier visits. */
  openLibrary(): Promise<RunLibrary> {
    this.#opening ??= import('./run-library.svelte.ts').then(
      ({ RunLibrary }) => {
        this.library = new RunLibrary();
        void this.library.restore();
        return this.library;
      },
      (error: unknown) => {
        this.#opening = null; // the next one tries again
        throw error;
      },
    );
    return this.#opening;
  }

  /** Puts a new run on the desk, and adds to its request what to record: nothing if it writes several texts. */
  start(model: ModelFacts, setup: RunSetup, asked: GenerateRequest): GenerateRequest {
    const watch = { ...this.watch, kernels: this.watch.kernels && model.canTimeKernels };
    const records = !writesSeveral(setup.settings) && (watch.tokens || watch.kernels || watch.rows);
    const request = records ? { ...asked, watch } : asked;
    this.text = '';
    this.run = newRun(++this.#count, model, setup, request);
    this.trace.start();
    return request;
  }

  /** Passes on every event of the runs until the returned function is called, for panels that draw them. */
  listen(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly receive = (event: EngineEvent): void => {
    if (this.run) this.run = runAfter(this.run, event);
    if (event.type === 'token') this.#text.add(event.text);
    if (event.type === 'sequence-texts') {
      for (const { sequence, text } of event.texts) if (sequence === 0) this.#text.add(text);
    }
    this.trace.receive(event);
    for (const listener of this.#listeners) listener(event);
  };

  finish(outcome: Outcome<GenerateResult>): void {
    this.#text.flush();
    if (!this.run) return;
    if (outcome.ok) {
      this.run = finishedRun(this.run, outcome.value);
      this.text = outcome.value.text ?? this.text;
      this.finished = [this.run, ...this.finished].slice(0, RUNS_KEPT);
      this.trace.finish(outcome.value);
      this.#recording = this.#record(this.run, this.text);
    } else {
      this.run = { ...this.run, end: { failure: outcome.failure } };
    }
  }

  /** Puts another text of the last run in the place of its text, here and among the kept runs. */
  replace(run: Run, text: string): void {
    this.run = run;
    this.text = text;
    this.finished = this.finished.map((each) => (each.number === run.number ? run : each));
    void this.#recording.then(() => {
      const { recorded } = this;
      if (!recorded?.id.endsWith(`-${run.number}`)) return;
      this.recorded = this.library?.rewrite(recorded.id, run, text) ?? recorded;
    });
  }

  async #record(run: Run, text: string): Promise<void> {
    try {
      const recorded = (await this.openLibrary()).record(run, text);
      if (!recorded) return;
      this.before = this.recorded;
      this.recorded = recorded;
    } catch {
      // Its code could not be fetched.
    }
  }
}
