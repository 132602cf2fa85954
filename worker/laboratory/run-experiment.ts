/** Runs an experiment on an engine, item by item, and skips what is known. */
import { badRequest, valueOf } from '../outcome.ts';
import type { EngineApi, EngineEvent } from '../protocol/engine.ts';
import type { Outcome } from '../protocol/failure.ts';
import type { LoadRequest, ModelFacts, ModelRef } from '../protocol/load.ts';
import type { MeasuredPeer, MeasureWork, SpeedItem, Unmeasured } from '../protocol/measure.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Experiment, Row } from './experiment.ts';
import { missingItems, onlyItems, planExperiment, type Cell, type PlanParts } from './plan-experiment.ts';
import type { ItemRecord } from './records.ts';
import { TokenCounts } from './token-counts.ts';

export type LabEngine = Pick<EngineApi, 'load' | 'measure' | 'countWork' | 'stop'>;

/** Times rows in other engines. */
export interface LabPeers {
  /**
   * Times one item, when the engine is warm. What it cannot run is measured too: as that.
   *
   * @param model as kvtab has loaded it, for the same row
   */
  measure(row: Row, model: ModelFacts, item: SpeedItem): Promise<Outcome<MeasuredPeer | Unmeasured>>;
}

export interface ExperimentParts extends PlanParts {
  readonly engine: LabEngine;
  /** null where no other engine runs: rows that ask for one are refused. */
  readonly peers: LabPeers | null;
  readonly refOf: (model: string) => ModelRef;
}

export interface ExperimentRun {
  /** Keys of what is not measured: an earlier run has its records, or nobody wants it. */
  readonly known: { readonly has: (key: string) => boolean };
  readonly append: (record: ItemRecord) => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly doneItems: number;
  readonly items: number;
  /** Tokens read in this run, in which time, and about how many are left. */
  readonly tokens: number;
  readonly leftTokens: number;
  readonly ms: number;
  /** What is being measured. */
  readonly row: string;
  readonly measure: string;
}

const ignore = () => undefined;

const otherEngine = ({ engine }: Row) =>
  badRequest('engine', `${engine} runs in the laboratory of the page alone: open the experiment there`);

/**
 * Refuses an experiment of which rows need another engine, before anything runs.
 *
 * @throws Refused
 */
export function refuseOtherEngines({ rows }: Pick<Experiment, 'rows'>): void {
  const other = rows.find(({ engine }) => engine !== 'kvtab');
  if (other) throw otherEngine(other);
}

const loadOf = (
  { model, backend, weights, quantizeEmbeddings }: Row,
  { refOf }: ExperimentParts,
): LoadRequest => ({ model: refOf(model), backend, weights, quantizeEmbeddings });

/** Loads a row's model, unless it is loaded. */
export async function loadRow(row: Row, parts: ExperimentParts): Promise<ModelFacts> {
  return valueOf(await parts.engine.load(loadOf(row, parts), ignore));
}

/** Cells of the same load, one after the other; groups stand where their first cell stood. */
export function groupByLoad(cells: readonly Cell[]): readonly (readonly Cell[])[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const { model, backend, weights, quantizeEmbeddings } = cell.row;
    const key = canonicalJson([model, backend, weights, quantizeEmbeddings]);
    const group = groups.get(key);
    if (group) group.push(cell);
    else groups.set(key, [cell]);
  }
  return [...groups.values()];
}

/**
 * Runs all that is not known. Rows that share a model follow each other; timed rounds come last, in the order A B B A, so
 * that a machine that warms up favors no row. A model is loaded only if something of its rows is missing.
 *
 * @throws Refused, also if the engine was stopped. What was appended stays.
 */
export async function runExperiment(
  experiment: Experiment,
  parts: ExperimentParts,
  run: ExperimentRun,
): Promise<void> {
  await runCells(await planExperiment(experiment, parts), parts, run);
}

/** Runs cells as {@link runExperiment} does. */
export async function runCells(
  cells: readonly Cell[],
  parts: ExperimentParts,
  run: ExperimentRun,
): Promise<void> {
  await new CellRunner(cells, parts, run).run();
}

class CellRunner {
  readonly #parts: ExperimentParts;
  readonly #run: ExperimentRun;
  readonly #cells: readonly Cell[];
  readonly #counts: TokenCounts;
  readonly #startMs = performance.now();
  readonly #items: number;
  /** The items of each cell that are left. */
  readonly #left: Map<Cell, Set<number>>;
  /** Tokens of the cells that this run has measured. */
  #tokens = 0;

  constructor(cells: readonly Cell[], parts: ExperimentParts, run: ExperimentRun) {
    this.#cells = cells;
    this.#parts = parts;
    this.#run = run;
    this.#counts = new TokenCounts(parts.engine);
    this.#items = cells.reduce((sum, { keys }) => sum + keys.length, 0);
    this.#left = new Map(cells.map((cell) => [cell, new Set(missingItems(cell, run.known))] as const));
  }

  async run(): Promise<void> {
    for (const group of groupByLoad(this.#cells)) {
      for (const cell of group) {
        if (this.#isDone(cell) || cell.measure.kind === 'speed') continue;
        this.#announce(cell);
        const { dims } = await loadRow(cell.row, this.#parts);
        await this.#measure(cell, cell.workFor(dims.contextTokens), [...cell.keys.keys()]);
      }
    }
    await this.#runRounds();
  }

  /** Says what comes next: to load, warm up and measure it may take a while. */
  #announce(cell: Cell): void {
    const items = this.#left.get(cell)?.size ?? 0;
    this.#report(cell, this.#tokens, items * this.#counts.meanOf(cell));
  }

  #isDone(cell: Cell): boolean {
    return this.#left.get(cell)?.size === 0;
  }

  /** Timed rounds: forward over the rows, then backward, and so on. */
  async #runRounds(): Promise<void> {
    let warm: Cell | null = null;
    for (const measure of new Set(this.#cells.map((cell) => cell.measure))) {
      if (measure.kind !== 'speed') continue;
      const cells = this.#cells.filter((cell) => cell.measure === measure);
      for (let round = 0; round < measure.rounds; round++) {
        for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
          if (this.#isDone(cell)) continue;
          const work = cell.workFor(0);
          if (work.kind !== 'speed') continue;
          const left = this.#left.get(cell);
          const wanted = work.items.flatMap((item, i) => (item.round === round && left?.has(i) ? [i] : []));
          if (wanted.length === 0) continue;
          this.#announce(cell);
          await loadRow(cell.row, this.#parts);
          const { engine } = cell.row;
          if (warm !== cell && engine === 'kvtab') await this.#warmUp(cell, onlyItems(work, wanted));
          warm = cell;
          await this.#measure(cell, work, wanted);
        }
      }
    }
  }

  /** Every shape once, and nothing of it is kept. */
  async #warmUp({ row: { config, mode, kvPrecision, policy } }: Cell, work: MeasureWork): Promise<void> {
    const { engine } = this.#parts;
    valueOf(await engine.measure({ config, mode, kvPrecision, policy, work }, ignore));
  }

  /** Measures the wanted items of a cell that are left. */
  async #measure(cell: Cell, work: MeasureWork, wanted: readonly number[]): Promise<void> {
    const left = this.#left.get(cell) ?? new Set<number>();
    const missing = wanted.filter((i) => left.has(i));
    const counts = await this.#counts.of(cell, work);
    const tokensOf = (items: readonly number[]) => items.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
    let cellTokensLeft = tokensOf([...left]);
    let sinceMs = performance.now();
    let cellTokens = 0;
    const failures: Error[] = [];
    const onEvent = (event: EngineEvent) => {
      if (event.type === 'measuring') cellTokens = event.tokens;
      if (event.type !== 'measured' || failures.length > 0) return;
      const item = missing[event.item] ?? 0;
      const nowMs = performance.now();
      try {
        this.#run.append({
          key: cell.keys[item] ?? '',
          row: cell.rowIndex,
          measure: cell.measure.id,
          item,
          measured: event.measured,
          ms: Math.round(nowMs - sinceMs),
        });
      } catch (error) {
        failures.push(error instanceof Error ? error : new Error(String(error)));
        this.#parts.engine.stop();
        return;
      }
      sinceMs = nowMs;
      left.delete(item);
      cellTokensLeft -= counts[item] ?? 0;
      this.#report(cell, this.#tokens + cellTokens, cellTokensLeft);
    };
    const { config, mode, kvPrecision, policy } = cell.row;
    const request = { config, mode, kvPrecision, policy, work: onlyItems(work, missing) };
    const result =
      cell.row.engine === 'kvtab'
        ? await this.#parts.engine.measure(request, onEvent)
        : await this.#measureThere(cell.row, request.work, onEvent);
    this.#tokens += cellTokens;
    const [failure] = failures;
    if (failure) throw failure;
    valueOf(result);
  }

  /** Measures in another engine, and tells of it as the engine of kvtab does. */
  async #measureThere(
    row: Row,
    work: MeasureWork,
    onEvent: (event: EngineEvent) => void,
  ): Promise<Outcome<null>> {
    const { peers } = this.#parts;
    if (!peers || work.kind !== 'speed') throw otherEngine(row);
    let tokens = 0;
    for (const [index, item] of work.items.entries()) {
      const model = await loadRow(row, this.#parts);
      const found = await peers.measure(row, model, item);
      if (!found.ok) return found;
      tokens += item.prompt + item.generate;
      onEvent({ type: 'measuring', tokens });
      onEvent({ type: 'measured', item: index, measured: found.value });
    }
    return { ok: true, value: null };
  }

  #report(cell: Cell, tokens: number, cellTokensLeft: number): void {
    let [leftItems, leftTokens] = [0, cellTokensLeft];
    for (const [other, items] of this.#left) {
      leftItems += items.size;
      if (other !== cell) leftTokens += items.size * this.#counts.meanOf(other);
    }
    this.#run.onProgress({
      doneItems: this.#items - leftItems,
      items: this.#items,
      tokens,
      leftTokens,
      ms: performance.now() - this.#startMs,
      row: cell.row.label,
      measure: cell.measure.id,
    });
  }
}
