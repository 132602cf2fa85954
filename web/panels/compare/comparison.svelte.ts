import type { PeerEngine } from '../../../worker/protocol/peer.ts';
import { describeSettings } from '../../../worker/settings/words.ts';
import { keysWhere, valuesOf } from '../../../worker/settings/values.ts';
import { build } from '../../playground/citation-file.ts';
import { modelIsReady } from '../../playground/model-is-ready.svelte.ts';
import { pageAddress } from '../../playground/page-address.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { toGenerateRequest } from '../../settings/requests.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { MOST_CONTENDERS, type Compared, type Contender, type Runner } from './compared.ts';
import { readContenders } from './contender-link.ts';
import { keptComparison, keepComparison } from './kept-comparison.ts';
import { downloadBytes, peerFiles } from '../../experiments/peers/peer-build.ts';
import { PeerClient, type Peer } from '../../experiments/peers/peer-client.ts';
import { impossibleThere } from '../../experiments/peers/peer-plan.ts';
import { PeerSeat } from '../../experiments/peers/peer-seat.ts';
import { keepRuns } from './keep-runs.ts';
import { runContenders, type Turn, type TurnRun } from './run-contenders.ts';
import { words } from './words.ts';

/** What can be taken back: the contenders as they were, and what was done to them. */
interface Undo {
  readonly contenders: readonly Contender[];
  readonly what: string;
  /** The name of the button that takes it back. */
  readonly action: string;
}

/** Runs two or more configurations with the same prompt, seed and sampling, and keeps them and their result. */
export class Comparison {
  contenders = $state.raw<readonly Contender[]>([]);
  /** Stays when contenders are added or removed: each entry knows its contender. */
  result = $state.raw<Compared | null>(null);
  undo = $state.raw<Undo | null>(null);
  /** Whether Compare was pressed and the model is not there yet. */
  waiting = $state(false);
  /** Whether Stop was pressed during the last comparison. */
  stopped = $state(false);
  /** Whether the engine runs the contenders. */
  running = $state(false);
  /** How often each contender is timed. */
  rounds = $state(3);
  /** Whether nobody has chosen contenders yet, here or on an earlier visit: what stands there is a suggestion. */
  untouched = $state(false);
  /** What of the opened link was not followed. */
  complaints = $state.raw<readonly string[]>([]);
  readonly #playground: Playground;
  readonly #waitForModel: typeof modelIsReady;
  readonly #openPeer: () => Peer;
  #seat: PeerSeat | null = null;
  #lastId = 0;
  #linked: readonly string[] = [];
  #restored: Promise<void> = Promise.resolve();

  constructor(playground: Playground, waitForModel = modelIsReady, openPeer = (): Peer => new PeerClient()) {
    this.#playground = playground;
    this.#waitForModel = waitForModel;
    this.#openPeer = openPeer;
  }

  /** Whether Compare does something: now, or as soon as the model is loaded and a run has ended. */
  get ready(): boolean {
    const { phase, runnable } = this.#playground;
    return this.contenders.length >= 2 && runnable && !this.waiting && phase.at !== 'evaluating';
  }

  get full(): boolean {
    return this.contenders.length >= MOST_CONTENDERS;
  }

  /** Takes what this device has kept. */
  restore(): Promise<void> {
    this.#restored = this.#restore();
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const kept = await keptComparison();
    if (!kept) this.untouched = this.contenders.length === 0;
    if (this.contenders.length > 0 || !kept) return;
    this.#lastId = Math.max(0, ...kept.contenders.map(({ id }) => id));
    this.contenders = kept.contenders;
    this.result = kept.result;
  }

  /**
   * Replaces the contenders by those of the opened link, once.
   *
   * @returns whether it did
   */
  async openLink(parts: readonly string[]): Promise<boolean> {
    if (parts.length === 0 || parts === this.#linked) return false;
    this.#linked = parts;
    await this.#restored;
    const { contenders, complaints } = readContenders(parts, this.#playground);
    this.complaints = complaints;
    if (contenders.length === 0) return false;
    this.replaceBy(contenders, words.replaced);
    return true;
  }

  /** Puts configurations where nobody has chosen any. They are not kept before somebody does something with them. */
  suggest(configs: readonly Readonly<PlaygroundConfig>[]): void {
    if (!this.untouched) return;
    this.contenders = configs.map((config, i) => ({ id: i + 1, config: { ...config }, runner: 'kvtab' }));
    this.#lastId = configs.length;
  }

  /** Adds the current settings. Whoever does so begins a list of their own: a suggestion goes. */
  add(): void {
    if (!this.#playground.runnable) return;
    if (this.untouched) this.contenders = [];
    this.put(this.#playground.config);
  }

  /** Adds a configuration, if there is room for it. */
  put(config: Readonly<PlaygroundConfig>, runner: Runner = 'kvtab'): void {
    if (this.full) return;
    this.contenders = [...this.contenders, { id: ++this.#lastId, config: { ...config }, runner }];
    this.undo = null;
    this.#keep();
  }

  /** Replaces all contenders. */
  replaceBy(others: readonly Omit<Contender, 'id'>[], what: string): void {
    const before = this.untouched ? [] : this.contenders;
    this.contenders = others
      .slice(0, MOST_CONTENDERS)
      .map(({ config, runner }) => ({ id: ++this.#lastId, config: { ...config }, runner }));
    this.undo = before.length > 0 ? { contenders: before, what, action: words.undoReplacing } : null;
    this.#keep();
  }

  remove(id: number): void {
    const index = this.contenders.findIndex((contender) => contender.id === id);
    this.undo = {
      contenders: this.contenders,
      what: words.removed(index + 1),
      action: words.undoRemoving,
    };
    this.contenders = this.contenders.filter((contender) => contender.id !== id);
    this.#keep();
  }

  takeBack(): void {
    if (!this.undo) return;
    this.contenders = this.undo.contenders;
    this.undo = null;
    this.#keep();
  }

  /** Runs all contenders, then loads the page's own model again. */
  async run(): Promise<void> {
    this.stopped = false;
    if (!this.ready) return;
    // What is being compared no longer follows the settings.
    this.untouched = false;
    if (!(await this.#modelIsReady())) return;
    if (this.#playground.onCpuByFallback) this.#fallBack();
    const turns = this.contenders.flatMap((contender) => this.#turnOf(contender) ?? []);
    const { config } = this.#playground;
    const common = {
      prompt: config.prompt,
      common: describeSettings(
        config,
        (row) => !row.compared && row.form !== null && row.part !== 'sequences',
      ),
      build,
    };
    const own = this.#playground.loadRequestOf(config);
    const seat = (this.#seat = new PeerSeat(this.#openPeer));
    /** The last run of each contender. */
    const timed = new Map<number, TurnRun>();
    this.running = true;
    const borrowed = this.#playground.borrowEngine(words.comparing, (engine, report) =>
      runContenders(engine, turns, {
        ...{ rounds: this.rounds, own, seat, report },
        onTimed: (run) => timed.set(run.contender.id, run),
        wanted: () => this.#playground.phase.at === 'evaluating',
      }),
    );
    const done = await borrowed.finally(() => {
      this.running = false;
      seat.close();
    });
    if (!done) return;
    this.result = { ...done, ...common, endedAt: Date.now() };
    this.undo = null;
    this.#keep();
    await keepRuns(this.#playground, this.result, [...timed.values()]);
  }

  /** Contenders that were chosen before it was known that there is no WebGPU run on the CPU, as the page does. */
  #fallBack(): void {
    const { backend } = this.#playground.config;
    this.contenders = this.contenders.map((contender) => ({
      ...contender,
      config: { ...contender.config, backend },
    }));
  }

  async #modelIsReady(): Promise<boolean> {
    this.waiting = true;
    try {
      return await this.#waitForModel(this.#playground, () => this.waiting && this.contenders.length >= 2);
    } finally {
      this.waiting = false;
    }
  }

  #turnOf(contender: Contender): Turn | null {
    // Contenders differ only in the settings that may be compared. The others are those that are set now.
    const alike = valuesOf(
      keysWhere((row) => !row.compared),
      this.#playground.config,
    );
    const config = { ...contender.config, ...alike };
    const request = toGenerateRequest(config);
    if (!request) return null;
    const load = this.#playground.loadRequestOf(config);
    const { input, maxNewTokens: newTokens, config: plan } = request;
    if (contender.runner === 'kvtab') return { contender, config, load, request, peer: null };
    const { runner: engine } = contender;
    const files = peerFiles(engine, config.backend, pageAddress());
    const asked = { ...load, files, input, newTokens, config: plan };
    return {
      contender,
      config,
      load,
      request,
      peer: { request: asked, impossible: impossibleThere(config, engine) },
    };
  }

  /** What another engine would download for a configuration before its first use. */
  downloadBytes(engine: PeerEngine, { backend }: Readonly<PlaygroundConfig>): number {
    return downloadBytes(peerFiles(engine, backend, pageAddress()));
  }

  /** Ends a comparison that runs or waits; what was timed stays. */
  stop(): void {
    this.waiting = false;
    if (!this.running) return;
    this.stopped = true;
    this.#playground.stop();
    this.#seat?.close();
  }

  #keep(): void {
    this.untouched = false;
    void keepComparison({ contenders: this.contenders, result: this.result });
  }
}

const comparisons = new WeakMap<Playground, Comparison>();

/** The comparison of a page. It lasts longer than the panel, which may be closed while it runs. */
export function comparisonOf(playground: Playground): Comparison {
  const known = comparisons.get(playground);
  if (known) return known;
  const comparison = new Comparison(playground);
  comparisons.set(playground, comparison);
  void comparison.restore();
  return comparison;
}
