import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type {
  BackendChoice,
  EngineEvent,
  Failure,
  GenerateResult,
  ModelFacts,
  Outcome,
  SharingConfig,
} from '../../worker/protocol.ts';
import { checkConfig, toGenerateRequest } from '../config/check-config.ts';
import { defaultConfig, type PlaygroundConfig } from '../config/playground-config.ts';
import { replaceUnedited } from '../config/replace-unedited.ts';
import type { ModelEntry } from '../model/model-index.ts';
import type { EngineClient } from './engine-client.ts';
import { FrameText } from './frame-text.ts';
import type { Phase } from './phase.ts';
import { beginRun, endRun, type Run } from './run.ts';

/** What the session needs of the worker's client. */
type Engine = Pick<EngineClient, 'load' | 'generate' | 'stop'>;

const RUNS_KEPT = 6;

/** All the state of the page. Components show it and call its verbs; nothing else holds any. */
export class Session {
  readonly config = $state<PlaygroundConfig>({ ...defaultConfig });
  models = $state.raw<readonly ModelEntry[]>([]);
  phase = $state.raw<Phase>({ at: 'idle' });
  /** The run whose text is shown: the one in progress, or the last. */
  run = $state.raw<Run | null>(null);
  /** The continuation that `run` has written so far. */
  text = $state.raw('');
  /** Finished runs, the latest first. */
  history = $state.raw<readonly Run[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** Why the page went from WebGPU to the CPU by itself. */
  fellBack = $state.raw<Failure | null>(null);

  /** The checkpoint's own sharing, as far as it is known. */
  stored = $state.raw<SharingConfig | null>(null);
  /** Facts of the models that were loaded before, by id: they stay known while another backend loads. */
  #known = $state.raw<ReadonlyMap<string, ModelFacts>>(new Map());

  /** The loaded model. */
  readonly model = $derived('model' in this.phase ? this.phase.model : null);
  /** Facts of the chosen model, loaded now or before. */
  readonly facts = $derived(this.#known.get(this.config.model) ?? null);
  readonly layerCount = $derived(
    this.facts?.dims.layerCount ?? this.stored?.layerTypes.split('_').length ?? null,
  );
  /** The edited plan, or what is wrong with it; null until a model says how many layers there are. */
  readonly plan = $derived(
    this.layerCount === null ? null : parseLayerTypes(this.config.layerTypes, this.layerCount),
  );
  readonly problems = $derived(checkConfig(this.config, this.plan));
  readonly runnable = $derived(Object.keys(this.problems).length === 0);

  readonly #engine: Engine;
  readonly #text = new FrameText((text) => (this.text += text));
  #loads = 0;
  #runs = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Begins with the shipped models listed and the default one loading. */
  start(models: Promise<readonly ModelEntry[]>): void {
    void this.#load(false);
    void models.then((entries) => {
      this.models = entries;
      const entry = entries.find(({ id }) => id === this.config.model);
      if (entry && !this.stored) this.#adopt(entry.stored);
    });
  }

  chooseModel(id: string): void {
    if (id === this.config.model) return;
    this.config.model = id;
    const stored = this.facts?.stored ?? this.models.find((entry) => entry.id === id)?.stored ?? null;
    this.stored = null;
    if (stored) Object.assign(this.config, (this.stored = stored));
    void this.#load(false);
  }

  chooseBackend(backend: BackendChoice): void {
    if (backend === this.config.backend) return;
    this.config.backend = backend;
    this.fellBack = null;
    void this.#load(false);
  }

  /** Runs the configuration, now or as soon as the model is there. Does nothing while it cannot run. */
  generate(): void {
    if (!this.runnable || this.phase.at === 'generating') return;
    if (this.phase.at === 'loading') this.phase = { ...this.phase, queued: true };
    else if (this.phase.at === 'ready') void this.#generate(this.phase.model);
    else void this.#load(true);
  }

  /** Ends the run in progress within one token, or forgets the one that waits for the model. */
  stop(): void {
    if (this.phase.at === 'generating') this.#engine.stop();
    else if (this.phase.at === 'loading') this.phase = { ...this.phase, queued: false };
  }

  dismissFailure(): void {
    this.failure = null;
  }

  dismissFallback(): void {
    this.fellBack = null;
  }

  async #load(queued: boolean): Promise<void> {
    const ticket = ++this.#loads;
    const { model, backend } = this.config;
    this.failure = null;
    this.phase = { at: 'loading', modelId: model, files: new Map(), queued };
    this.#engine.stop();
    const outcome = await this.#engine.load({ model, backend, weights: 'stored' }, (event) => {
      if (ticket === this.#loads) this.#receiveDownload(event);
    });
    if (ticket === this.#loads) this.#settleLoad(outcome);
  }

  #settleLoad(outcome: Outcome<ModelFacts>): void {
    const queued = this.phase.at === 'loading' && this.phase.queued;
    if (outcome.ok) {
      const model = outcome.value;
      this.#known = new Map(this.#known).set(model.id, model);
      this.#adopt(model.stored);
      this.phase = { at: 'ready', model };
      if (queued) this.generate();
    } else if (outcome.failure.code === 'no-webgpu' && this.config.backend === 'webgpu') {
      this.fellBack = outcome.failure;
      this.config.backend = 'cpu';
      void this.#load(queued);
    } else {
      this.#fail(outcome.failure);
    }
  }

  async #generate(model: ModelFacts): Promise<void> {
    const request = toGenerateRequest(this.config);
    if (!request) return;
    this.failure = null;
    this.phase = { at: 'generating', model };
    this.text = '';
    this.run = beginRun(++this.#runs, model, this.config.prompt, request);
    const outcome = await this.#engine.generate(request, (event) => this.#receiveRun(event));
    this.#settleRun(outcome, model);
  }

  #settleRun(outcome: Outcome<GenerateResult>, model: ModelFacts): void {
    this.#text.flush();
    // Where another model was chosen meanwhile, its loading goes on.
    const stillOurs = this.phase.at === 'generating';
    if (stillOurs) this.phase = { at: 'ready', model };
    if (!this.run) return;
    if (outcome.ok) {
      this.run = endRun(this.run, outcome.value);
      this.text = outcome.value.text ?? this.text;
      this.history = [this.run, ...this.history].slice(0, RUNS_KEPT);
    } else {
      this.run = { ...this.run, end: { failure: outcome.failure } };
      if (stillOurs) this.#fail(outcome.failure);
    }
  }

  #fail(failure: Failure): void {
    this.failure = failure;
    const modelGone = this.phase.at === 'loading' || ['device-lost', 'no-model'].includes(failure.code);
    if (modelGone) this.phase = { at: 'failed', failure };
  }

  /** Takes a checkpoint's own sharing as the default, and puts it where the person has not edited the one before. */
  #adopt(stored: SharingConfig): void {
    Object.assign(this.config, replaceUnedited(this.config, this.stored, stored));
    this.stored = stored;
  }

  #receiveDownload(event: EngineEvent): void {
    if (event.type !== 'download' || this.phase.at !== 'loading') return;
    const { file, loadedBytes, totalBytes } = event;
    const files = new Map(this.phase.files).set(file, { loadedBytes, totalBytes });
    this.phase = { ...this.phase, files };
  }

  #receiveRun(event: EngineEvent): void {
    if (!this.run) return;
    switch (event.type) {
      case 'prefill': {
        const { share, promptTokens, mode } = event;
        this.run = { ...this.run, prefilledShare: share, promptTokens, mode };
        break;
      }
      case 'token':
        if (this.run.prefilledShare < 1) this.run = { ...this.run, prefilledShare: 1 };
        this.#text.add(event.text);
        break;
      case 'stats': {
        const { kv, timing, newTokens } = event;
        this.run = { ...this.run, kv, timing, newTokens };
        break;
      }
      case 'download':
        break;
      default:
        event satisfies never;
    }
  }
}
