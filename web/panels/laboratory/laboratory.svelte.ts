import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { estimateCost, type Cost } from '../../../worker/laboratory/estimate-cost.ts';
import { planExperiment, recordsOf } from '../../../worker/laboratory/plan-experiment.ts';
import {
  runExperiment,
  type ExperimentParts,
  type LabEngine,
  type Progress,
} from '../../../worker/laboratory/run-experiment.ts';
import type { Summary } from '../../../worker/laboratory/summary.ts';
import { attemptAsync, Refused } from '../../../worker/outcome.ts';
import type { Failure, Outcome } from '../../../worker/protocol/failure.ts';
import { isFull } from '../../../worker/storage/space.ts';
import type { Playground } from '../../playground/playground.svelte.ts';
import { engineVersion } from './engine-version.ts';
import { guardedEngine } from './guarded-engine.ts';
import {
  keepExperiment,
  keepRecord,
  keptExperiments,
  keptRecords,
  removeExperiment,
  type KeptExperiment,
} from './kept-experiments.ts';
import { digestOfModel } from './model-digest.ts';
import { openExperiment, withBackend, type OpenedExperiment } from './open-experiment.ts';
import { sourceOf } from '../../../worker/laboratory/measure-items.ts';
import { readExperiment } from '../../../worker/laboratory/experiment.ts';
import { summarizeInWorker, type Summarize } from './summary-client.ts';
import { LONGEST_TEXT_BYTES, Texts, textOfBytes, type OpenedText } from './texts.ts';
import { words } from './words.ts';

/** What the laboratory is doing with the engine. */
export type Activity =
  | { readonly at: 'rest' }
  | { readonly at: 'waiting' }
  | { readonly at: 'estimating' }
  | { readonly at: 'running'; readonly progress: Progress | null; readonly ending: 'pause' | 'stop' | null };

/** What can be taken back: an experiment with its records. */
interface Removed {
  readonly kept: KeptExperiment;
  readonly records: readonly ItemRecord[];
}

const rest: Activity = { at: 'rest' };

/** The laboratory of a page: one experiment at a time, and those that this device keeps. */
export class Laboratory {
  opened = $state.raw<OpenedExperiment | null>(null);
  /** Of the opened experiment, in the order in which they came. */
  records = $state.raw<readonly ItemRecord[]>([]);
  /** Of the records; null before the first one is made. */
  summary = $state.raw<Summary | null>(null);
  activity = $state.raw<Activity>(rest);
  cost = $state.raw<Cost | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** Whether the records are of another version of kvtab, or of other model files: a run measures all again. */
  foreign = $state(false);
  /** Why records do not survive a reload; null if they do. */
  trouble = $state.raw<string | null>(null);
  kept = $state.raw<readonly KeptExperiment[]>([]);
  removed = $state.raw<Removed | null>(null);

  readonly texts: Texts;
  readonly #playground: Playground;
  readonly #engine: LabEngine;
  readonly #summarize: Summarize;
  readonly #pageUrl: string;
  #linked: string | null = null;
  #summarizing = false;
  #summaryIsOld = false;

  constructor(playground: Playground, engine: LabEngine, pageUrl: string, summarize = summarizeInWorker()) {
    this.#playground = playground;
    this.#engine = engine;
    this.#pageUrl = pageUrl;
    this.#summarize = summarize;
    this.texts = new Texts(pageUrl);
  }

  get busy(): boolean {
    return this.activity.at !== 'rest';
  }

  /** How many items of a measure are known in a row. */
  readonly counts = $derived.by(() => {
    const counts = new Map<string, number>();
    for (const { row, measure } of this.records) {
      const cell = cellKey(row, measure);
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    return counts;
  });

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
        if (file.size > LONGEST_TEXT_BYTES) throw refused(file.name, words.tooLarge(LONGEST_TEXT_BYTES));
        const opened = await textOfBytes(new Uint8Array(await file.arrayBuffer()));
        if (this.opened?.missing.some(({ sha256 }) => sha256 === opened.sha256)) {
          await this.#take(opened);
          continue;
        }
        const read = readLaboratoryFile(opened.text, file.name);
        if (read.kind === 'text') {
          const [wanted] = this.opened?.missing ?? [];
          throw refused(
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
    this.records = [];
    this.summary = null;
    this.cost = null;
    this.failure = null;
    this.foreign = false;
  }

  /** Deletes a kept experiment and its records, which can be taken back. */
  async remove(id: string): Promise<void> {
    const kept = this.kept.find((each) => each.id === id);
    if (!kept || this.busy) return;
    await this.#keeping(async () => {
      const records = await keptRecords(id);
      await removeExperiment(id);
      // Only now: what the page says is deleted must not come back after a reload.
      this.removed = { kept, records };
      this.kept = await keptExperiments();
    });
    if (this.opened?.id === id) this.close();
  }

  async takeBack(): Promise<void> {
    const { removed } = this;
    if (!removed) return;
    this.removed = null;
    await this.#keeping(async () => {
      await keepExperiment(removed.kept);
      for (const record of removed.records) await keepRecord(removed.kept.id, record);
      this.kept = await keptExperiments();
    });
  }

  /** Runs the opened experiment, or what is left of it. */
  async run(): Promise<void> {
    await this.#borrow(async (parts, report) => {
      const opened = this.opened;
      if (!opened) return;
      this.activity = { at: 'running', progress: null, ending: null };
      await this.#keeping(() => this.#remember(opened));
      if (this.foreign) this.records = [];
      this.foreign = false;
      await runExperiment(opened.experiment, parts, {
        known: new Map(this.records.map((record) => [record.key, record])),
        append: (record) => {
          this.#append(opened, record);
        },
        onProgress: (progress) => {
          if (this.activity.at === 'running') this.activity = { ...this.activity, progress };
          const { tokens, leftTokens } = progress;
          report(tokens / Math.max(1, tokens + leftTokens));
        },
      });
    });
    this.#refreshSummary();
  }

  /** Says what the opened experiment, or what is left of it, will cost. */
  async estimate(): Promise<void> {
    await this.#borrow(async (parts) => {
      if (!this.opened) return;
      this.activity = { at: 'estimating' };
      const known = new Map(this.records.map((record) => [record.key, record]));
      this.cost = await estimateCost(this.opened.experiment, parts, known);
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
  }

  async #open(json: unknown, more: readonly ItemRecord[] = []): Promise<void> {
    if (this.busy) throw refused(words.experiment, words.stillRunning);
    const here = withBackend(json, this.#playground.config.backend);
    const opened = await openExperiment(here, this.texts, words.untitled);
    const known = await keptRecords(opened.id).catch(() => []);
    this.opened = opened;
    const own = await this.#recordsOf(opened, [...known, ...more]);
    this.foreign = own.length === 0 && more.length > 0;
    this.records = this.foreign ? latest(more) : own;
    this.summary = null;
    this.cost = null;
    if (more.length > 0) {
      await this.#keeping(async () => {
        await this.#remember(opened);
        for (const record of more) await keepRecord(opened.id, record);
      });
    }
    this.#refreshSummary();
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
      return latest(records); // a model or a text is missing
    }
  }

  async #take(text: OpenedText): Promise<void> {
    await this.#keeping(() => this.texts.keep(text));
    if (this.opened) await this.#open(this.opened.experiment.json);
  }

  async #remember({ id, experiment }: OpenedExperiment): Promise<void> {
    await keepExperiment({ id, json: experiment.json, usedAtMs: Date.now() });
    this.kept = await keptExperiments();
    const experiments = [...this.kept, ...(this.removed ? [this.removed.kept] : [])];
    const needed = experiments.flatMap((kept) => textsOf(kept.json));
    await this.texts.forgetAllBut(new Set(needed));
  }

  #append(opened: OpenedExperiment, record: ItemRecord): void {
    this.records = [...this.records, record];
    void this.#keeping(() => keepRecord(opened.id, record));
    const measure = opened.experiment.measures.find(({ id }) => id === record.measure);
    const all = measure && opened.items.get(measure)?.facts.length;
    if (this.counts.get(cellKey(record.row, record.measure)) === all) this.#refreshSummary();
    if (this.activity.at === 'running' && this.activity.ending === 'pause') this.#engine.stop();
  }

  /** Makes a new summary; if one is being made, the next one after it. */
  #refreshSummary(): void {
    this.#summaryIsOld = true;
    if (!this.#summarizing) void this.#summarizeAgain();
  }

  async #summarizeAgain(): Promise<void> {
    this.#summarizing = true;
    try {
      while (this.#summaryIsOld) {
        this.#summaryIsOld = false;
        const { opened, records } = this;
        if (!opened || opened.missing.length > 0) continue;
        const wanted = new Set(textsOf(opened.experiment.json));
        const sources = new Map([...this.texts.known].filter(([sha256]) => wanted.has(sha256)));
        const summary = await this.#summarize(opened.experiment.json, records, sources);
        if (this.opened === opened) this.summary = summary;
      }
    } catch (error) {
      this.failure = { code: 'internal', reason: String(error) };
    } finally {
      this.#summarizing = false;
    }
  }

  /** Lends the engine to work, when a model is loaded, and loads the page's own model again after it. */
  async #borrow(
    work: (parts: ExperimentParts, report: (fraction: number) => void) => Promise<void>,
  ): Promise<void> {
    if (!this.opened || this.busy) return;
    this.failure = null;
    this.activity = { at: 'waiting' };
    const ready = await this.#modelIsReady();
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
      if (unknown !== null) this.failure = refused('model', words.modelMissing(unknown)).failure;
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
    const done = await this.#playground.borrowEngine(words.running, async (_, report) => {
      const outcome = await settled(() => work(parts, report));
      // If the page has asked for another model meanwhile, that one must stay the last that is loaded.
      if (!lent()) return { ok: true, value: outcome };
      const restored = await this.#engine.load(own, () => undefined);
      return restored.ok ? { ok: true, value: outcome } : restored;
    });
    if (done && !done.ok && done.failure.code !== 'stopped') this.failure = done.failure;
  }

  #goesOn(): boolean {
    const { activity } = this;
    return activity.at === 'estimating' || (activity.at === 'running' && activity.ending === null);
  }

  #parts(wanted: () => boolean): ExperimentParts {
    const { brought } = this.#playground;
    return {
      engine: guardedEngine(this.#engine, wanted),
      engineVersion,
      refOf: (model) => brought.get(model) ?? model,
      digestOf: (model) => digestOfModel(model, brought.get(model), this.#pageUrl),
      readSource: async (wantedText) => {
        const text = await this.texts.find(wantedText);
        if (text !== null) return text;
        throw refused(wantedText.name ?? wantedText.sha256, words.textMissing);
      },
    };
  }

  /** A model of the experiment that the page does not have; null if it has all of them. */
  #unknownModel(): string | null {
    const { models, brought } = this.#playground;
    const known = new Set([...models.map(({ id }) => id), ...brought.keys()]);
    return this.opened?.experiment.rows.find(({ model }) => !known.has(model))?.model ?? null;
  }

  /** Waits until the page has a model, and loads it if nobody has asked for it yet. */
  #modelIsReady(): Promise<boolean> {
    const { phase } = this.#playground;
    if (phase.at === 'idle' || phase.at === 'failed') this.#playground.load();
    return new Promise((resolve) => {
      const end = $effect.root(() => {
        $effect(() => {
          const { at } = this.#playground.phase;
          if (at !== 'ready' && at !== 'failed' && this.activity.at === 'waiting') return;
          resolve(at === 'ready' && this.activity.at === 'waiting');
          queueMicrotask(() => {
            end();
          });
        });
      });
    });
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

export const cellKey = (row: number, measure: string): string => `${row} ${measure}`;

/** The last record of each item. */
function latest(records: readonly ItemRecord[]): readonly ItemRecord[] {
  const byItem = new Map(
    records.map((record) => [`${cellKey(record.row, record.measure)} ${record.item}`, record] as const),
  );
  return [...byItem.values()];
}

function textsOf(json: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    return readExperiment(json).measures.flatMap((measure) => sourceOf(measure)?.sha256 ?? []);
  } catch {
    return []; // an older version kept it
  }
}

const refused = (field: string, reason: string) => new Refused({ code: 'bad-request', field, reason });

/** What was refused, and bugs too, as outcomes: the engine that is lent has to be given back. */
async function settled(work: () => Promise<void>): Promise<Outcome<void>> {
  try {
    return await attemptAsync(work);
  } catch (error) {
    return { ok: false, failure: { code: 'internal', reason: String(error) } };
  }
}

const laboratories = new WeakMap<Playground, Laboratory>();

/** The laboratory of a page. It lasts longer than the panel, which may be closed while it runs. */
export function laboratoryOf(playground: Playground, engine: LabEngine): Laboratory {
  const known = laboratories.get(playground);
  if (known) return known;
  const laboratory = new Laboratory(playground, engine, document.baseURI);
  laboratories.set(playground, laboratory);
  void laboratory.restore();
  return laboratory;
}
