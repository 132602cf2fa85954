import { keepEverything } from '../../gpu/kv/policies/keep-everything.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import type { Failure, Outcome } from '../../worker/protocol/failure.ts';
import { unexpectedFailure } from '../../worker/unexpected-failure.ts';
import type { GenerateRequest, GenerateResult, Prompt } from '../../worker/protocol/generate.ts';
import type { BroughtModel, LoadRequest, ModelFacts, SharingConfig } from '../../worker/protocol/load.ts';
import { Chat } from './chat.svelte.ts';
import { policyOfSettings } from '../../worker/settings/policy-request.ts';
import { reloads } from '../../worker/settings/setting.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { seedsFrom } from '../../worker/settings/seeds-from.ts';
import { valuesOf } from '../../worker/settings/values.ts';
import { checkConfig } from '../settings/checks.ts';
import { isSameLoad, toGenerateRequest, toLoadRequest } from '../settings/requests.ts';
import { encodeHash, setsNothing } from '../settings/hash.ts';
import { defaultConfig, linkDefaults, sharingOf, type PlaygroundConfig } from '../settings/settings.ts';
import type { LinkedHealing } from '../settings/linked-healing.ts';
import { TABS, type Tab } from '../settings/tabs.ts';
import { replaceUnedited } from '../settings/replace-unedited.ts';
import type { Decoded } from '../settings/hash.ts';
import { commitOf, endpointOf } from '../settings/endpoint.ts';
import { commit } from './commit.ts';
import { PlanEditor } from './plan-editor.svelte.ts';
import { SamplingAdvice } from './sampling-advice.svelte.ts';
import { trainedFor, type ModelEntry } from '../models/model-index.ts';
import { modelIn, type PickedFile } from '../models/opened-files.ts';
import { kernelFilesOf } from './kernel-files.ts';
import { previewKv } from './kv-preview.ts';
import type { HealingNow } from './healing-now.ts';
import { healedFor } from './healed-models.ts';
import { noticeOf, type LinkNotice, type ModelOnDevice } from './link-notice.ts';
import { borrowEngine, type Engine, type EngineWork } from './borrow-engine.ts';
import { loadingAfter, type Phase } from './phase.ts';
import { shownPrompt, writesSeveral, type Run } from './run.ts';
import type { SideBySide } from './side-by-side.svelte.ts';
import type { Transfer } from './transfer.ts';
import { RunDesk } from './run-desk.svelte.ts';

/** The state of the page. Components show it and call its methods. */
export class Playground {
  readonly config = $state<PlaygroundConfig>({ ...defaultConfig });
  /** The part of the page that is shown. */
  tab = $state<Tab>(TABS[0]);
  models = $state.raw<readonly ModelEntry[]>([]);
  /** Models that the person opened or downloaded since the page was opened, by id. */
  brought = $state.raw<ReadonlyMap<string, BroughtModel>>(new Map());
  /** Models of a Hub that this device holds, whole or in part, as links name them. The panel of the Hub says which. */
  onDevice = $state.raw<readonly ModelOnDevice[]>([]);
  /** The download that is going on; null if there is none. The panel of the Hub says which. */
  transfer = $state.raw<Transfer | null>(null);
  phase = $state.raw<Phase>({ at: 'idle' });
  /** The healing of the page, for whoever draws it; null until its panel was opened. */
  healer = $state.raw<{ readonly now: HealingNow | null } | null>(null);
  /** The run that the page shows, and the runs before it. */
  readonly desk = new RunDesk();
  /** The texts of the last run, if it wrote several. */
  sideBySide = $state.raw<SideBySide | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Why the page switched from WebGPU to the CPU on its own. */
  fellBack = $state.raw<Failure | null>(null);
  /** Whether the page, and not the person, chose the CPU. The notice of it can be dismissed. */
  #cpuByFallback = $state(false);

  /** The parts of the opened link that the page could not follow; null if there are none, or they were dismissed. */
  linkNotice = $state.raw<LinkNotice | null>(null);
  /** The configurations that the opened link compares, for the panel that does so. */
  linkedContenders = $state.raw<readonly string[]>([]);
  /** The experiment of the opened link, for the laboratory; null if it has none. */
  linkedExperiment = $state.raw<string | null>(null);
  /** How the opened link heals its plan, for the panel that does so; null if it does not say. */
  linkedHealing = $state.raw<LinkedHealing | null>(null);
  /** Edits of the layer types, from every control. */
  readonly planEditor = new PlanEditor(this.config);
  readonly samplingAdvice = new SamplingAdvice(this.config);
  readonly chat = new Chat();

  /** The sharing that the checkpoint was trained with; null until it is known. */
  stored = $state.raw<SharingConfig | null>(null);
  /** Facts about every model that was loaded, by id. They stay known while another backend loads. */
  #known = $state.raw<ReadonlyMap<string, ModelFacts>>(new Map());

  get run(): Run | null {
    return this.desk.run;
  }

  get text(): string {
    return this.desk.text;
  }

  /** Runs that finished since the page was opened, newest first. */
  get history(): readonly Run[] {
    return this.desk.finished;
  }

  /** The loaded model. */
  readonly model = $derived('model' in this.phase ? this.phase.model : null);
  /** Facts about a model that is or was loaded; null for any other. */
  readonly factsOf = (model: string): ModelFacts | null => this.#known.get(model) ?? null;
  readonly facts = $derived(this.factsOf(this.config.model));
  readonly chatting = $derived(this.chat.active && (this.facts?.hasChatTemplate ?? false));
  readonly layerCount = $derived(
    this.facts?.dims.layerCount ?? this.stored?.layerTypes.split('_').length ?? null,
  );
  /** The edited plan, or what is wrong with it; null until the number of layers is known. */
  readonly plan = $derived(
    this.layerCount === null ? null : parseLayerTypes(this.config.layerTypes, this.layerCount),
  );
  /** The cache policy that is set, with its defaults in place; null while one of its fields is wrong. */
  readonly policy = $derived.by(() => {
    const completed = policyOfSettings(this.config, {
      contextTokens: this.facts?.dims.contextTokens ?? 0,
      maxNewTokens: this.config.maxNewTokens ?? 0,
    });
    return completed.ok ? completed.policy : null;
  });
  /** The KV figures of the plan while it is edited; null if it has a mistake. */
  readonly kvPreview = $derived(previewKv(this));
  /** The files with kernels of LESS that come with the chosen model, and which of them the settings name. */
  readonly kernels = $derived(kernelFilesOf(this.config, this));
  /** Models that were healed for the edited plan and may replace the chosen one, newest first. */
  readonly healedForPlan = $derived.by(() => this.healedFor(this.config.layerTypes.trim()));
  readonly problems = $derived(checkConfig(this.config, this.plan));
  /** Whether the engine is computing something that `stop` can end. */
  readonly busy = $derived(this.phase.at === 'generating' || this.phase.at === 'evaluating');
  readonly runnable = $derived(Object.keys(this.problems).length === 0);

  readonly #engine: Engine;
  #loads = 0;
  #stops = 0;
  /** What is loaded or loading. */
  #target: LoadRequest | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Lists the shipped models and loads the default one. A link that sets something is opened instead, and loads nothing. */
  start(models: Promise<readonly ModelEntry[]>, link: Decoded | null = null): void {
    if (!link || setsNothing(link)) void this.#load(false);
    void models.then((entries) => {
      this.models = entries;
      if (link) this.openLink(link);
      const entry = this.#entry();
      if (entry && !this.stored) this.#adopt(entry.stored);
    });
  }

  /** Whether the page itself switched to the CPU, because there is no WebGPU. */
  get onCpuByFallback(): boolean {
    return this.#cpuByFallback;
  }

  /** The settings as a link. Whoever opens it may have WebGPU, so it names the CPU only if a person chose it. */
  get linked(): PlaygroundConfig {
    return this.#cpuByFallback ? { ...this.config, backend: defaultConfig.backend } : this.config;
  }

  /** Takes the settings of a link. It loads and runs nothing: a link may only name a model that the page does not ship. */
  openLink(link: Decoded): void {
    const { values, omitted, complaints, build, contenders, experiment, healing, tab } = link;
    this.tab = tab;
    const defaults = setsNothing(link) ? defaultConfig : linkDefaults;
    const { model: asked, endpoint: server } = { ...defaults, ...values };
    const known =
      [defaultConfig.model, ...this.models.map(({ id }) => id)].includes(asked) ||
      (this.brought.has(asked) && endpointOf(this.brought.get(asked)) === server);
    const { model, endpoint } = known ? { model: asked, endpoint: server } : defaultConfig;
    this.config.model = model;
    this.stored = this.facts?.stored ?? this.#entry()?.stored ?? null;
    this.planEditor.forget();
    // What the link had to leave out stays as it is here.
    const kept = valuesOf(omitted, this.config);
    Object.assign(this.config, defaults, this.stored, kept, values, { model, endpoint });
    this.samplingAdvice.linked(values);
    this.#cpuByFallback = false;
    this.linkedContenders = contenders;
    this.linkedExperiment = experiment;
    this.linkedHealing = healing;
    const otherBuild = build?.endsWith(commit) ? null : build;
    this.linkNotice = noticeOf(complaints, known ? null : { model: asked, endpoint: server }, otherBuild);
    const wanted = this.loadRequestOf(this.config);
    if (!this.#target || !isSameLoad(this.#target, wanted)) this.#dropModel();
  }

  /** Loads a model that the person brings: opened files, or a repository. */
  bring(model: BroughtModel): void {
    this.brought = new Map(this.brought).set(model.id, model);
    // If a link asked for a model that the page lacks, this one takes its place, and the link's plan stays.
    const edited = this.linkNotice?.foreignModel ? 'keep' : 'forget';
    this.linkNotice = null;
    if (model.id === this.config.model) this.load();
    else this.chooseModel(model.id, edited);
  }

  /** Loads a model that lies on this device whole. Nobody is asked for anything. */
  openOnDevice({ id, endpoint, commit }: ModelOnDevice): void {
    this.bring({ from: 'hub', id, endpoint, token: null, keep: true, commit });
  }

  /** Loads the model that opened or dropped files hold, or says why they hold none. */
  openFiles(picked: readonly PickedFile[]): void {
    const opened = modelIn(picked, [...this.brought.keys()]);
    if (opened.ok) this.bring(opened.value);
    else this.refuse(opened.failure);
  }

  /** @param edited whether edits of the plan are kept or forgotten */
  chooseModel(id: string, edited: 'forget' | 'keep' = 'forget'): void {
    if (id === this.config.model) return;
    this.config.model = id;
    const before = this.stored;
    this.stored = this.facts?.stored ?? this.#entry()?.stored ?? null;
    // The name of a file of another model means nothing here.
    if (!this.kernels.chosen) this.config.policyKernels = defaultConfig.policyKernels;
    this.planEditor.forget();
    const unknown = sharingOf(defaultConfig);
    const now = this.stored ?? unknown;
    Object.assign(this.config, edited === 'keep' ? replaceUnedited(this.config, before, now) : now);
    this.load();
  }

  /** {@link healedFor} the chosen model. */
  healedFor(layerTypes: string): readonly ModelOnDevice[] {
    return healedFor(this.onDevice, this.models, this.config.model, layerTypes);
  }

  /** Takes a published layout: loads the weights that ship for it, or else edits the plan of the loaded model. */
  chooseLayout(layerTypes: string, kind: 'preset' | 'parameter'): void {
    const trained = trainedFor(this.models, this.config.model, layerTypes);
    if (trained) this.chooseModel(trained.id);
    else this.planEditor.edit(layerTypes, kind);
  }

  /** Changes a setting; what decides how the model is held loads it again. */
  set<Key extends SettingKey>(key: Key, value: PlaygroundConfig[Key]): void {
    if (value === this.config[key]) return;
    this.config[key] = value;
    this.samplingAdvice.edited(key);
    if (!reloads(settings[key])) return;
    if (key === 'backend') {
      this.fellBack = null;
      this.#cpuByFallback = false;
    }
    this.load();
  }

  /** What the worker is asked for to hold the model of a configuration. */
  loadRequestOf(config: Readonly<PlaygroundConfig>): LoadRequest {
    return toLoadRequest(config, this.brought);
  }

  /** Loads the chosen model, without running it. */
  load(): void {
    void this.#load(false);
  }

  /** Runs the configuration, now or as soon as the model is loaded. Does nothing if it is not {@link runnable}. */
  generate(): void {
    if (!this.runnable || this.busy) return;
    if (this.phase.at === 'loading') this.phase = { ...this.phase, queued: true };
    else if (this.phase.at === 'ready') void this.#generate(this.phase.model);
    else void this.#load(true);
  }

  countTokens = (prompt: Prompt) => this.#engine.countTokens(prompt);

  /** Ends the run in progress within one token, or cancels the one that waits for the model. */
  stop(): void {
    this.#stops++;
    if (this.busy) this.#engine.stop();
    else if (this.phase.at === 'loading') this.phase = { ...this.phase, queued: false };
  }

  /** Lends the engine to a panel's work, see {@link borrowEngine}. Returns null if it is not free, or if the work fails. */
  borrowEngine<T>(what: string, work: EngineWork<T>): Promise<T | null> {
    return borrowEngine(this, this.#engine, what, work, (failure) => {
      this.#fail(failure);
    });
  }

  /** Shows a failure that does not affect the loaded model or the run in progress. */
  refuse(failure: Failure): void {
    this.failure = failure;
  }

  dismissFailure(): void {
    this.failure = null;
  }

  dismissFallback(): void {
    this.fellBack = null;
  }

  /** The person agreed to ask the link's server for its model; the Hub panel then does so. */
  confirmLink(): void {
    if (this.linkNotice) this.linkNotice = { ...this.linkNotice, confirmed: true };
  }

  dismissLinkNotice(): void {
    this.linkNotice = null;
  }

  #entry(): ModelEntry | undefined {
    return this.models.find(({ id }) => id === this.config.model);
  }

  /** Drops the model that is loaded or loading, because the settings now name another one. */
  #dropModel(): void {
    this.#loads++;
    this.#target = null;
    this.#engine.stop();
    this.phase = { at: 'idle' };
  }

  async #load(queued: boolean): Promise<void> {
    const ticket = ++this.#loads;
    const { model } = this.config;
    this.config.endpoint = endpointOf(this.brought.get(model));
    const request = this.loadRequestOf(this.config);
    this.#target = request;
    this.failure = null;
    this.phase = { at: 'loading', modelId: model, files: new Map(), room: null, queued };
    this.#engine.stop();
    const outcome = await this.#engine.load(request, (event) => {
      if (ticket === this.#loads) this.phase = loadingAfter(this.phase, event);
    });
    if (ticket === this.#loads) this.#settleLoad(outcome);
  }

  #settleLoad(outcome: Outcome<ModelFacts>): void {
    const queued = this.phase.at === 'loading' && this.phase.queued;
    if (outcome.ok) {
      const model = outcome.value;
      this.#known = new Map(this.#known).set(model.id, model);
      this.#adopt(model.stored);
      this.samplingAdvice.consider(model);
      this.phase = { at: 'ready', model };
      if (queued) this.generate();
    } else if (outcome.failure.code === 'no-webgpu' && this.config.backend === 'webgpu') {
      this.fellBack = outcome.failure;
      this.config.backend = 'cpu';
      this.#cpuByFallback = true;
      void this.#load(queued);
    } else {
      this.#fail(outcome.failure);
    }
  }

  async #generate(model: ModelFacts): Promise<void> {
    const asked = toGenerateRequest(this.config);
    if (!asked) return;
    const { chatting, chat } = this;
    const request = chatting ? chat.requestOf(asked) : asked;
    this.failure = null;
    this.phase = { at: 'generating', model };
    const setup = {
      prompt: shownPrompt(request.input),
      link: encodeHash(this.config, this.stored),
      settings: { ...this.config },
      commit: commitOf(this.brought.get(model.id)),
    };
    const started = this.desk.start(model, setup, request);
    const outcome = await this.#write(started, !chatting && writesSeveral(setup.settings));
    this.desk.finish(outcome);
    this.#settleRun(outcome, model);
    if (chatting) chat.settle(outcome, request.policy.id !== keepEverything.id);
  }

  /** @param several whether to write several texts side by side */
  async #write(request: GenerateRequest, several: boolean): Promise<Outcome<GenerateResult>> {
    this.sideBySide = null;
    const run = this.run;
    if (!several || !run) return this.#engine.generate(request, this.desk.receive);
    const before = this.#stops;
    try {
      const { SideBySide, writeSideBySide } = await import('./side-by-side.svelte.ts');
      if (this.#stops > before) return { ok: false, failure: { code: 'stopped' } };
      const seeds = seedsFrom(request.sampling.seed, run.settings.continuations ?? 1);
      this.sideBySide = new SideBySide(run.number, seeds, this.stored);
      return await writeSideBySide(this.#engine, this.desk, request, this.sideBySide);
    } catch (error) {
      return { ok: false, failure: unexpectedFailure(error) };
    }
  }

  /** Makes one of the texts side by side that of the page. */
  chooseText(index: number): void {
    if (this.phase.at === 'generating') return;
    const seed = this.sideBySide?.choose(index, this.desk) ?? null;
    if (seed !== null) this.set('seed', seed);
  }

  #settleRun(outcome: Outcome<unknown>, model: ModelFacts): void {
    // If another model was chosen meanwhile, the phase is its loading.
    if (this.phase.at !== 'generating') return;
    this.phase = { at: 'ready', model };
    if (!outcome.ok) this.#fail(outcome.failure);
  }

  #fail(failure: Failure): void {
    this.failure = failure;
    const modelGone =
      this.phase.at === 'loading' || ['device-lost', 'thread-lost', 'no-model'].includes(failure.code);
    if (modelGone) this.phase = { at: 'failed', failure };
  }

  /** Takes a checkpoint's own sharing as the default, and replaces every setting that the person has not edited. */
  #adopt(stored: SharingConfig): void {
    Object.assign(this.config, replaceUnedited(this.config, this.stored, stored));
    this.stored = stored;
    const { files, chosen } = this.kernels;
    const isDefault = this.config.policyKernels === defaultConfig.policyKernels;
    if (!chosen && isDefault && files[0]) this.config.policyKernels = files[0].file;
  }
}
