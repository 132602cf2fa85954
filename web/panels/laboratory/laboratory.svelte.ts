import { finalRecords, type ItemRecord } from '../../../worker/laboratory/records.ts';
import { estimateCost, type Cost } from '../../../worker/laboratory/estimate-cost.ts';
import { planExperiment, recordsOf } from '../../../worker/laboratory/plan-experiment.ts';
import {
  runExperiment,
  type ExperimentParts,
  type LabEngine,
} from '../../../worker/laboratory/run-experiment.ts';
import type { Summary } from '../../../worker/laboratory/summary.ts';
import { badRequest } from '../../../worker/outcome.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';
import { unexpectedFailure } from '../../../worker/unexpected-failure.ts';
import { isFull } from '../../../worker/storage/space.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { engineVersion } from '../../experiments/engine-version.ts';
import { rest, type Activity } from './activity.ts';
import { holdIfFree, holdTexts, isHeld, whenFree } from './experiment-locks.ts';
import { guardedEngine } from '../../experiments/guarded-engine.ts';
import {
  keepExperiment,
  keepRecord,
  keptExperiments,
  keptRecords,
  removeExperiment,
  type KeptExperiment,
} from './kept-experiments.ts';
import { latestRecords } from './latest-records.ts';
import { LiveSummary, type Summarized } from './live-summary.svelte.ts';
import { digestOfModel } from '../../experiments/model-digest.ts';
import { openExperiment, withBackend, type OpenedExperiment } from './open-experiment.ts';
import { RecordBook } from './record-book.svelte.ts';
import { PagePeers } from '../../experiments/peers/lab-peers.ts';
import { settled } from '../../experiments/settled.ts';
import type { Surroundings } from './surroundings.ts';
import { textsOf } from './texts-of.ts';
import { textOfFile, Texts, type OpenedText } from './texts.ts';
import { words } from './words.ts';

/** What can be taken back: an experiment with its records and texts. */
interface Removed {
  readonly kept: KeptExperiment;
  readonly records: readonly ItemRecord[];
  readonly texts: readonly OpenedText[];
}

/** The laboratory of a page: one experiment at a time, and those that this device keeps. */
export class Laboratory {
  opened = $state.raw<OpenedExperiment | null>(null);
  activity = $state.raw<Activity>(rest);
  cost = $state.raw<Cost | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Whether the records are of another version of kvtab, or of other model files: a run measures all again. */
  foreign = $state(false);
  /** Whether another tab runs the opened experiment. Its records appear here when it ends. */
  elsewhere = $state(false);
  /** Why records do not survive a reload; null if they do. */
  trouble = $state.raw<string | null>(null);
  kept = $state.raw<readonly KeptExperiment[]>([]);
  removed = $state.raw<Removed | null>(null);

  readonly texts: Texts;
  readonly #playground: Playground;
  readonly #engine: LabEngine;
  readonly #summary: LiveSummary;
  readonly #around: Surroundings;
  readonly #book = new RecordBook();
  #peers: PagePeers | null = null;
  /** Records that are being written. */
  readonly #writing = new Set<Promise<void>>();
  #linked: string | null = null;

  constructor(playground: Playground, engine: LabEngine, surroundings: Surroundings) {
    this.#playground = playground;
    this.#engine = engine;
    this.#around = surroundings;
    this.texts = new Texts(surroundings.pageUrl);
    this.#summary = new LiveSummary(
      surroundings.summarize,
      () => this.#summarized(),
      (error) => (this.failure = unexpectedFailure(error)),
    );
  }

  /** Of the records; null before the first one is made. */
  get summary(): Summary | null {
    return this.#summary.value;
  }

  get busy(): boolean {
    return this.activity.at !== 'rest';
  }

  /** Of the opened experiment, in the order in which they came. The list grows, and stays the same one. */
  get records(): readonly ItemRecord[] {
    return this.#book.all;
  }

  /** How many items are known. */
  get done(): number {
    return this.#book.done;
  }

  /** How many items of a measure are known in a row. */
  countOf(row: number, measure: string): number {
    return this.#book.countOf(row, measure);
  }

  /** Lists what this device keeps. An experiment that was left unfinished is opened again. */
  async restore(): Promise<void> {
    await this.#keeping(async () => {
      this.kept = await keptExperiments();
    });
    const [last] = this.kept;
    if (last && !this.opened && this.#playground.linkedExperiment === null) await this.open(last.json);
  }

  /** Opens the experiment of a link, once. */
  async openLink(text: string | null): Promise<void> {
    if (text === null || text === this.#linked) return;
    this.#linked = text;
    await this.#attempt(async () => {
      const { readExperimentText } = await import('./open-files.ts');
      await this.#open(readExperimentText(text, 'link'));
    });
  }

  /** Opens an experiment, with what is known of it. */
  async open(json: unknown, more: readonly ItemRecord[] = []): Promise<boolean> {
    return this.#attempt(() => this.#open(json, more));
  }

  /** Opens files: an experiment, the results of one, or a text that the opened experiment asks for. */
  async openFiles(files: readonly File[]): Promise<void> {
    await this.#attempt(async () => {
      const { readLaboratoryFile } = await import('./open-files.ts');
      for (const file of files) {
        const opened = await textOfFile(file);
        if (this.opened?.missing.some(({ sha256 }) => sha256 === opened.sha256)) {
          await this.#take(opened);
          continue;
        }
        const read = readLaboratoryFile(opened.text, file.name);
        if (read.kind === 'text') {
          const [wanted] = this.opened?.missing ?? [];
          throw badRequest(
            file.name,
            wanted ? words.otherText(wanted.name ?? wanted.sha256) : words.noExperiment,
          );
        }
        await this.#open(read.experiment, read.kind === 'results' ? read.records : []);
      }
    });
  }

  /** Leaves the opened experiment, which stays on this device. */
  close(): void {
    if (this.busy) return;
    this.opened = null;
    this.#book.replace([]);
    this.#summary.clear();
    this.cost = null;
    this.failure = null;
    this.foreign = false;
    this.elsewhere = false;
    // Another tab may have kept more.
    void this.#keeping(async () => {
      this.kept = await keptExperiments();
    });
  }

  /** Deletes a kept experiment and its records, which can be taken back. */
  async remove(id: string): Promise<void> {
    const kept = this.kept.find((each) => each.id === id);
    if (!kept || this.busy) return;
    this.failure = null;
    await this.#keeping(async () => {
      const removed = await holdIfFree(this.#around.locks, id, async () => {
        const records = await keptRecords(id);
        const texts = await this.#textsWith(textsOf(kept.json));
        await removeExperiment(id);
        // Only now: what the page says is deleted must not come back after a reload.
        this.removed = { kept, records, texts };
        this.kept = await keptExperiments();
      });
      if (!removed) this.failure = badRequest(words.experiment, words.elsewhere).failure;
      else if (this.opened?.id === id) this.close();
    });
  }

  async takeBack(): Promise<void> {
    const { removed } = this;
    if (!removed) return;
    this.removed = null;
    await this.#keeping(async () => {
      await holdTexts(this.#around.locks, async () => {
        await keepExperiment(removed.kept);
        for (const text of removed.texts) await this.texts.keep(text);
      });
      for (const record of removed.records) await keepRecord(removed.kept.id, record);
      this.kept = await keptExperiments();
    });
  }

  /** Runs the opened experiment, or what is left of it, unless another tab does. */
  async run(): Promise<void> {
    await this.#borrow(async (parts, report) => {
      const opened = this.opened;
      if (!opened) return;
      const mine = await holdIfFree(this.#around.locks, opened.id, async () => {
        this.activity = { at: 'running', progress: null, ending: null };
        try {
          await this.#keeping(() => this.#remember(opened));
          await this.#readAgain(opened);
          await this.#runOpened(opened, parts, report);
        } finally {
          // The next tab must find all of them.
          await Promise.all(this.#writing);
        }
      });
      if (mine) return;
      void this.#follow(opened);
      throw badRequest(words.experiment, words.elsewhere);
    });
    this.#book.tell();
    this.#summary.refresh();
  }

  async #runOpened(
    opened: OpenedExperiment,
    parts: ExperimentParts,
    report: (fraction: number) => void,
  ): Promise<void> {
    await runExperiment(opened.experiment, parts, {
      known: finalRecords(this.records),
      append: (record) => {
        this.#append(opened, record);
      },
      onProgress: (progress) => {
        if (this.activity.at === 'running') this.activity = { ...this.activity, progress };
        const { tokens, leftTokens } = progress;
        report(tokens / Math.max(1, tokens + leftTokens));
      },
    });
  }

  /** Adds what another tab has measured meanwhile. */
  async #readAgain(opened: OpenedExperiment): Promise<void> {
    const known = await keptRecords(opened.id).catch(() => []);
    const records = await this.#recordsOf(opened, [...known, ...this.records]);
    if (this.opened !== opened) return;
    this.#book.replace(records);
    this.foreign = false;
  }

  /** Waits for another tab that runs the opened experiment, and takes over its records. */
  async #follow(opened: OpenedExperiment): Promise<void> {
    this.elsewhere = true;
    await whenFree(this.#around.locks, opened.id);
    if (this.opened !== opened) return;
    // A run reads them itself.
    if (!this.busy) {
      this.failure = null;
      await this.#readAgain(opened);
      this.#summary.refresh();
    }
    if (this.opened === opened) this.elsewhere = false;
  }

  async #textsWith(digests: readonly string[]): Promise<readonly OpenedText[]> {
    const found: OpenedText[] = [];
    for (const sha256 of digests) {
      const text = await this.texts.find({ sha256, name: null });
      if (text !== null) found.push({ sha256, text });
    }
    return found;
  }

  /** Says what the opened experiment, or what is left of it, will cost. */
  async estimate(): Promise<void> {
    await this.#borrow(async (parts) => {
      if (!this.opened) return;
      this.activity = { at: 'estimating' };
      this.cost = await estimateCost(this.opened.experiment, parts, finalRecords(this.records));
    });
  }

  /** Ends the run after the current item. */
  pause(): void {
    if (this.activity.at === 'running') this.activity = { ...this.activity, ending: 'pause' };
  }

  /** Ends the run, or the estimate, at once. The current item is measured again when the run goes on. */
  stop(): void {
    if (this.activity.at === 'running') this.activity = { ...this.activity, ending: 'stop' };
    else this.activity = rest;
    this.#engine.stop();
    this.#peers?.close();
  }

  async #open(json: unknown, more: readonly ItemRecord[] = []): Promise<void> {
    if (this.busy) throw badRequest(words.experiment, words.stillRunning);
    const here = withBackend(json, this.#playground.config.backend);
    const opened = await openExperiment(here, this.texts, words.untitled);
    const known = await keptRecords(opened.id).catch(() => []);
    this.opened = opened;
    this.elsewhere = false;
    const own = await this.#recordsOf(opened, [...known, ...more]);
    this.foreign = own.length === 0 && more.length > 0;
    this.#book.replace(this.foreign ? latestRecords(more) : own);
    this.#summary.clear();
    this.cost = null;
    if (more.length > 0) {
      await this.#keeping(async () => {
        await this.#remember(opened);
        for (const record of more) await keepRecord(opened.id, record);
      });
    }
    this.#summary.refresh();
    if (await isHeld(this.#around.locks, opened.id)) void this.#follow(opened);
  }

  /** Those of the records that this version of kvtab would measure the same; all of them as long as that is not known. */
  async #recordsOf(
    { experiment }: OpenedExperiment,
    records: readonly ItemRecord[],
  ): Promise<readonly ItemRecord[]> {
    if (records.length === 0) return [];
    try {
      return recordsOf(
        await planExperiment(
          experiment,
          this.#parts(() => false),
        ),
        records,
      );
    } catch {
      return latestRecords(records); // a model or a text is missing
    }
  }

  async #take(text: OpenedText): Promise<void> {
    await this.#keeping(() => this.texts.keep(text));
    if (this.opened) await this.#open(this.opened.experiment.json);
  }

  async #remember({ id, experiment }: OpenedExperiment): Promise<void> {
    await holdTexts(this.#around.locks, async () => {
      await keepExperiment({ id, json: experiment.json, usedAtMs: Date.now() });
      // Another tab may have deleted them, because no experiment named them before.
      await this.texts.keepOwn(textsOf(experiment.json));
      this.kept = await keptExperiments();
      await this.texts.forgetAllBut(new Set(this.kept.flatMap((kept) => textsOf(kept.json))));
    });
  }

  #append(opened: OpenedExperiment, record: ItemRecord): void {
    this.#book.add(record);
    const writing: Promise<void> = this.#keeping(() => keepRecord(opened.id, record)).finally(() =>
      this.#writing.delete(writing),
    );
    this.#writing.add(writing);
    const measure = opened.experiment.measures.find(({ id }) => id === record.measure);
    const all = measure && opened.items.get(measure)?.facts.length;
    if (this.countOf(record.row, record.measure) === all) {
      this.#book.tell();
      this.#summary.refresh();
    }
    if (this.activity.at === 'running' && this.activity.ending === 'pause') this.#engine.stop();
  }

  #summarized(): Summarized | null {
    const { opened, records } = this;
    if (!opened || opened.missing.length > 0) return null;
    const { json } = opened.experiment;
    const wanted = new Set(textsOf(json));
    const sources = new Map([...this.texts.known].filter(([sha256]) => wanted.has(sha256)));
    return { json, records, sources, grows: this.busy };
  }

  /** Lends the engine to work, when a model is loaded, and loads the page's own model again after it. */
  async #borrow(
    work: (parts: ExperimentParts, report: (fraction: number) => void) => Promise<void>,
  ): Promise<void> {
    if (!this.opened || this.busy) return;
    this.failure = null;
    this.activity = { at: 'waiting' };
    const ready = await this.#around.modelIsReady(() => this.activity.at === 'waiting');
    if (ready) {
      // The page knows only now whether it computes on the CPU.
      const { json } = this.opened.experiment;
      const here = withBackend(json, this.#playground.config.backend);
      if (here !== json) {
        this.activity = rest;
        await this.open(here);
        this.activity = { at: 'waiting' };
      }
      const unknown = this.#unknownModel();
      if (unknown !== null) this.failure = badRequest('model', words.modelMissing(unknown)).failure;
      else await this.#lend(work);
    }
    this.activity = rest;
  }

  async #lend(
    work: (parts: ExperimentParts, report: (fraction: number) => void) => Promise<void>,
  ): Promise<void> {
    const own = this.#playground.loadRequestOf(this.#playground.config);
    const lent = () => this.#playground.phase.at === 'evaluating';
    const parts = this.#parts(() => lent() && this.#goesOn());
    this.#peers = parts.peers;
    const done = await this.#playground.borrowEngine(words.running, async (_, report) => {
      const outcome = await settled(() => work(parts, report));
      // If the page has asked for another model meanwhile, that one must stay the last that is loaded.
      if (!lent()) return { ok: true, value: outcome };
      const restored = await this.#engine.load(own, () => undefined);
      return restored.ok ? { ok: true, value: outcome } : restored;
    });
    this.#peers.close();
    this.#peers = null;
    if (done && !done.ok && done.failure.code !== 'stopped') this.failure = done.failure;
  }

  #goesOn(): boolean {
    const { activity } = this;
    return activity.at === 'estimating' || (activity.at === 'running' && activity.ending === null);
  }

  #parts(wanted: () => boolean): ExperimentParts & { readonly peers: PagePeers } {
    const { brought } = this.#playground;
    const refOf = (model: string) => brought.get(model) ?? model;
    return {
      peers: new PagePeers({ pageUrl: this.#around.pageUrl, refOf, wanted }),
      engine: guardedEngine(this.#engine, wanted),
      engineVersion,
      refOf,
      digestOf: (model) => digestOfModel(model, brought.get(model), this.#around.pageUrl),
      readSource: async (wantedText) => {
        const text = await this.texts.find(wantedText);
        if (text !== null) return text;
        throw badRequest(wantedText.name ?? wantedText.sha256, words.textMissing);
      },
    };
  }

  /** A model of the experiment that the page does not have; null if it has all of them. */
  #unknownModel(): string | null {
    const { models, brought } = this.#playground;
    const known = new Set([...models.map(({ id }) => id), ...brought.keys()]);
    return this.opened?.experiment.rows.find(({ model }) => !known.has(model))?.model ?? null;
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    this.failure = null;
    const outcome = await settled(work);
    if (!outcome.ok) this.failure = outcome.failure;
    return outcome.ok;
  }

  async #keeping(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.trouble = isFull(error) ? words.deviceFull : words.nothingKept;
    }
  }
}
