import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import type { ExperimentParts, Progress } from '../../../worker/laboratory/run-experiment.ts';
import { Refused } from '../../../worker/outcome.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';
import { engineVersion } from '../../experiments/engine-version.ts';
import { guardedEngine } from '../../experiments/guarded-engine.ts';
import { digestOfModel } from '../../experiments/model-digest.ts';
import { modelIsReady } from '../../playground/model-is-ready.svelte.ts';
import { settled } from '../../experiments/settled.ts';
import { build } from '../../playground/citation-file.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { keepTiming, keptTiming } from './kept-timing.ts';
import {
  estimateTiming,
  findLargestBatches,
  runTiming,
  sizesOf,
  type TimingEngine,
  type TimingParts,
} from './run-timing.ts';
import type { TimedPlans } from './timed-plans.ts';
import { timingExperiment, MIB, type TimingSetup } from './timing-setup.ts';
import { words } from './words.ts';

/** What the panel is doing with the engine. */
export type Activity =
  | { readonly at: 'rest' }
  | { readonly at: 'waiting' }
  | { readonly at: 'finding'; readonly plan: number; readonly plans: number }
  | { readonly at: 'estimating' }
  | { readonly at: 'timing'; readonly progress: Progress | null };

/** About how long a timing takes, at most, and how many sequences fit under each of its plans. */
export interface Estimate {
  readonly ms: number;
  readonly batches: readonly { readonly name: string; readonly places: number }[];
}

const rest: Activity = { at: 'rest' };
const stopped: Failure = { code: 'stopped' };

/** Times batches under several plans, and keeps the last result. */
export class Throughput {
  activity = $state.raw<Activity>(rest);
  result = $state.raw<TimedPlans | null>(null);
  estimated = $state.raw<Estimate | null>(null);
  failure = $state.raw<Failure | null>(null);
  readonly #playground: Playground;
  readonly #engine: TimingEngine;
  readonly #pageUrl: string;
  #ending = false;

  constructor(playground: Playground, engine: TimingEngine, pageUrl: string) {
    this.#playground = playground;
    this.#engine = engine;
    this.#pageUrl = pageUrl;
  }

  get busy(): boolean {
    return this.activity.at !== 'rest';
  }

  /** Takes what this device has kept. */
  async restore(): Promise<void> {
    const kept = await keptTiming();
    this.result ??= kept;
  }

  /** Says how long a timing would take, and which batches fit. */
  estimate(setup: TimingSetup): Promise<void> {
    return this.#borrow(async (parts) => {
      const { json, ofRows, found } = await this.#prepare(setup, parts);
      this.activity = { at: 'estimating' };
      const ms = found.some(({ places }) => places > 0) ? await estimateTiming(json, ofRows, parts) : 0;
      const batches = setup.plans.map(({ name }, i) => ({ name, places: found[i]?.places ?? 0 }));
      this.estimated = { ms, batches };
    });
  }

  /** Times all plans. What is known when it is stopped stays. */
  run(setup: TimingSetup): Promise<void> {
    return this.#borrow(async (parts, report) => {
      const { json, ofRows, found, adapter } = await this.#prepare(setup, parts);
      this.activity = { at: 'timing', progress: null };
      this.estimated = null;
      this.result = {
        ...{ json, largest: found, records: [], adapter, build, endedAt: Date.now() },
        complete: found.every(({ places }) => places === 0),
        plans: setup.plans.map(({ name, model, layerTypes }) => ({ name, model, layerTypes })),
      };
      this.#keep();
      if (this.result.complete) return;
      const outcome = await settled(() =>
        runTiming(json, ofRows, parts, {
          append: (record) => {
            this.#append(record);
          },
          onProgress: (progress) => {
            if (this.activity.at === 'timing') this.activity = { at: 'timing', progress };
            const { tokens, leftTokens } = progress;
            report(tokens / Math.max(1, tokens + leftTokens));
          },
        }),
      );
      if (!outcome.ok) throw new Refused(outcome.failure);
      this.result = { ...this.result, complete: true };
      this.#keep();
    });
  }

  /** Ends what runs within a token. */
  stop(): void {
    this.#ending = true;
    if (this.activity.at === 'waiting') this.activity = rest;
    this.#engine.stop();
  }

  /** The largest batches of all plans, and the experiment whose sizes follow from them. */
  async #prepare(setup: TimingSetup, parts: TimingParts) {
    const config = { ...this.#playground.config };
    const asked = {
      promptTokens: setup.prompt ?? 0,
      tokens: (setup.prompt ?? 0) + (setup.generate ?? 0),
      budgetBytes: (setup.budgetMib ?? 0) * MIB,
    };
    const rows = readExperiment(timingExperiment(setup, config, [1]));
    const { largest, adapter } = await findLargestBatches(rows, asked, parts, (plan) => {
      this.activity = { at: 'finding', plan, plans: setup.plans.length };
    });
    const { ofRows, union } = sizesOf(largest, setup.most);
    const json = timingExperiment(setup, config, union.length > 0 ? union : [1]);
    return { json, ofRows, found: largest, adapter };
  }

  #append(record: ItemRecord): void {
    if (!this.result) return;
    this.result = { ...this.result, records: [...this.result.records, record], endedAt: Date.now() };
    this.#keep();
  }

  #keep(): void {
    if (this.result) void keepTiming(this.result);
  }

  /** Lends the engine to work, when a model is loaded, and loads the page's own model again after it. */
  async #borrow(
    work: (parts: TimingParts, report: (fraction: number) => void) => Promise<void>,
  ): Promise<void> {
    if (this.busy) return;
    this.failure = null;
    this.#ending = false;
    this.activity = { at: 'waiting' };
    const ready = await modelIsReady(this.#playground, () => this.activity.at === 'waiting');
    if (ready) await this.#lend(work);
    this.activity = rest;
  }

  async #lend(
    work: (parts: TimingParts, report: (fraction: number) => void) => Promise<void>,
  ): Promise<void> {
    const own = this.#playground.loadRequestOf(this.#playground.config);
    const lent = () => this.#playground.phase.at === 'evaluating';
    const parts = this.#parts(() => lent() && !this.#ending);
    const done = await this.#playground.borrowEngine(words.running, async (_, report) => {
      const outcome = await settled(() => work(parts, report));
      // If the page has asked for another model meanwhile, that one must stay the last that is loaded.
      if (!lent()) return { ok: true, value: outcome };
      const restored = await this.#engine.load(own, () => undefined);
      return restored.ok ? { ok: true, value: outcome } : restored;
    });
    if (done && !done.ok && done.failure.code !== 'stopped') this.failure = done.failure;
  }

  #parts(wanted: () => boolean): TimingParts {
    const { brought } = this.#playground;
    const engine: TimingEngine = {
      ...guardedEngine(this.#engine, wanted),
      largestBatch: async (request) =>
        wanted() ? this.#engine.largestBatch(request) : { ok: false, failure: stopped },
    };
    const readSource: ExperimentParts['readSource'] = () =>
      Promise.reject(new Error('what is timed needs no text'));
    return {
      ...{ engine, engineVersion, readSource },
      peers: null,
      refOf: (model) => brought.get(model) ?? model,
      digestOf: (model) => digestOfModel(model, brought.get(model), this.#pageUrl),
    };
  }
}

const known = new WeakMap<Playground, Throughput>();

/** The timings of a page. They last longer than the panel, which may be closed while they run. */
export function throughputOf(playground: Playground, engine: TimingEngine): Throughput {
  const found = known.get(playground);
  if (found) return found;
  const throughput = new Throughput(playground, engine, document.baseURI);
  known.set(playground, throughput);
  void throughput.restore();
  return throughput;
}
