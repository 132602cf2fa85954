/** Runs an experiment on an engine, item by item, and skips what is known. */
import { valueOf } from '../outcome.ts';
import type { EngineApi, EngineEvent } from '../protocol/engine.ts';
import type { LoadRequest, ModelFacts, ModelRef } from '../protocol/load.ts';
import type { MeasuredSpeed, MeasureWork, Reading, SpeedWork } from '../protocol/measure.ts';
import { canonicalJson, sha256 } from './digest.ts';
import type { Experiment, Row } from './experiment.ts';
import { itemsOfMeasure, sourceOf, type MeasureItems } from './measure-items.ts';
import type { ByDigest, Measure } from './measures.ts';
import type { ItemRecord } from './records.ts';

export type LabEngine = Pick<EngineApi, 'load' | 'measure' | 'countWork' | 'stop'>;

export interface ExperimentParts {
  readonly engine: LabEngine;
  /** Changes whenever numbers may change. */
  readonly engineVersion: string;
  readonly refOf: (model: string) => ModelRef;
  /** The digest of a model's files. */
  readonly digestOf: (model: string) => Promise<string>;
  /** A text by its digest. Throws Refused if it is not at hand. */
  readonly readSource: (wanted: ByDigest) => Promise<string>;
}

export interface ExperimentRun {
  /** Records of an earlier run, by key. */
  readonly known: ReadonlyMap<string, ItemRecord>;
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
  readonly row: string;
  readonly measure: string;
}

/** The items of one measure in one row. */
export interface Cell {
  readonly rowIndex: number;
  readonly row: Row;
  readonly measure: Measure;
  readonly items: MeasureItems;
  /** One for each item. */
  readonly keys: readonly string[];
}

const ignore = () => undefined;

const loadOf = (
  { model, backend, weights, quantizeEmbeddings }: Row,
  parts: ExperimentParts,
): LoadRequest => ({
  model: parts.refOf(model),
  backend,
  weights,
  quantizeEmbeddings,
});

const loadKey = ({ model, backend, weights, quantizeEmbeddings }: Row) =>
  canonicalJson([model, backend, weights, quantizeEmbeddings]);

/** Loads a row's model, unless it is loaded. */
export async function loadRow(row: Row, parts: ExperimentParts): Promise<ModelFacts> {
  return valueOf(await parts.engine.load(loadOf(row, parts), ignore));
}

/** The cells of a row, with the keys of their items. */
export async function cellsOfRow(
  experiment: Experiment,
  rowIndex: number,
  { dims }: ModelFacts,
  parts: ExperimentParts,
): Promise<readonly Cell[]> {
  const row = experiment.rows[rowIndex];
  if (!row) return [];
  const cells: Cell[] = [];
  const model = await parts.digestOf(row.model);
  const { label: _, model: __, ...setting } = row;
  for (const measure of experiment.measures) {
    const wanted = sourceOf(measure);
    const source = wanted ? await parts.readSource(wanted) : '';
    const items = itemsOfMeasure(measure, source, {
      contextTokens: dims.contextTokens,
      seed: experiment.seed,
    });
    // Neither what it is called nor how many items are measured changes what is measured of one.
    const { id: ___, ...what } = { ...measure, limit: null };
    const base = await sha256(
      canonicalJson({ engine: parts.engineVersion, model, setting, what, seed: experiment.seed }),
    );
    const keys: string[] = [];
    for (const i of items.facts.keys()) keys.push(await sha256(`${base} ${i}`));
    cells.push({ rowIndex, row, measure, items, keys });
  }
  return cells;
}

/**
 * Runs all that is not known. Rows that share a model follow each other; timed rounds come last, in the order A B B A, so
 * that a machine that warms up favors no row.
 *
 * @throws Refused, also if the engine was stopped. What was appended stays.
 */
export async function runExperiment(
  experiment: Experiment,
  parts: ExperimentParts,
  run: ExperimentRun,
): Promise<void> {
  const startMs = performance.now();
  const cells = new Map<number, readonly Cell[]>();
  const groups = new Map<string, number[]>();
  for (const [i, row] of experiment.rows.entries()) {
    const group = groups.get(loadKey(row));
    if (group) group.push(i);
    else groups.set(loadKey(row), [i]);
  }
  let doneItems = 0;
  let tokens = 0;
  const counts = new TokenCounts(parts.engine);
  /** Tokens of the items that this run has passed or skipped. */
  let passedTokens = 0;
  const items = () => experiment.rows.length * Math.max(1, ...[...cells.values()].map(countItems));
  const measureItems = async (cell: Cell, wanted: readonly number[]) => {
    const missing = wanted.filter((i) => !run.known.has(cell.keys[i] ?? ''));
    doneItems += wanted.length - missing.length;
    const ofItems = await counts.of(cell);
    const tokensOf = (some: readonly number[]) => some.reduce((sum, i) => sum + (ofItems[i] ?? 0), 0);
    passedTokens += tokensOf(wanted) - tokensOf(missing);
    if (missing.length === 0) return;
    let sinceMs = performance.now();
    let cellTokens = 0;
    const report = () => {
      run.onProgress({
        doneItems,
        items: items(),
        tokens: tokens + cellTokens,
        leftTokens: Math.max(0, counts.ofRows(experiment.rows.length, cells.size) - passedTokens),
        ms: performance.now() - startMs,
        row: cell.row.label,
        measure: cell.measure.id,
      });
    };
    const failures: Error[] = [];
    const onEvent = (event: EngineEvent) => {
      if (event.type === 'measuring') cellTokens = event.tokens;
      if (event.type !== 'measured' || failures.length > 0) return;
      const item = missing[event.item] ?? 0;
      const nowMs = performance.now();
      try {
        run.append({
          key: cell.keys[item] ?? '',
          row: cell.rowIndex,
          measure: cell.measure.id,
          item,
          measured: event.measured,
          ms: Math.round(nowMs - sinceMs),
        });
      } catch (error) {
        failures.push(error instanceof Error ? error : new Error(String(error)));
        parts.engine.stop();
      }
      sinceMs = nowMs;
      doneItems++;
      passedTokens += ofItems[item] ?? 0;
      report();
    };
    const { config, mode, kvPrecision, policy } = cell.row;
    const work = onlyItems(cell.items.work, missing);
    const result = await parts.engine.measure({ config, mode, kvPrecision, policy, work }, onEvent);
    tokens += cellTokens;
    const [failure] = failures;
    if (failure) throw failure;
    valueOf(result);
  };

  for (const group of groups.values()) {
    for (const index of group) {
      const row = experiment.rows[index];
      if (!row) continue;
      const facts = await loadRow(row, parts);
      const ofRow = await cellsOfRow(experiment, index, facts, parts);
      for (const cell of ofRow) await counts.of(cell);
      cells.set(index, ofRow);
      for (const cell of ofRow) {
        if (cell.measure.kind !== 'speed') await measureItems(cell, [...cell.keys.keys()]);
      }
    }
  }
  await runRounds(experiment, cells, parts, run.known, measureItems);
}

/** Counts the tokens of items, once for each model and measure. */
class TokenCounts {
  readonly #engine: LabEngine;
  readonly #counts = new Map<string, readonly number[]>();
  #ofRows = 0;

  constructor(engine: LabEngine) {
    this.#engine = engine;
  }

  async of({ row, measure, items, rowIndex }: Cell): Promise<readonly number[]> {
    const key = `${row.model} ${measure.id}`;
    let counts = this.#counts.get(key);
    if (!counts) {
      const { config, mode, kvPrecision, policy } = row;
      const request = { config, mode, kvPrecision, policy, work: items.work };
      counts = valueOf(await this.#engine.countWork(request)).tokens;
      this.#counts.set(key, counts);
    }
    const ofRow = `${rowIndex} ${measure.id}`;
    if (!this.#counts.has(ofRow)) {
      this.#counts.set(ofRow, counts);
      this.#ofRows += counts.reduce((sum, each) => sum + each, 0);
    }
    return counts;
  }

  /** Tokens of all rows, if the rows that were not counted yet are like the others. */
  ofRows(rows: number, counted: number): number {
    return counted === 0 ? 0 : (this.#ofRows / counted) * rows;
  }
}

const countItems = (cells: readonly Cell[]) => cells.reduce((sum, { keys }) => sum + keys.length, 0);

/** Timed rounds: forward over the rows, then backward, and so on. */
async function runRounds(
  experiment: Experiment,
  cells: ReadonlyMap<number, readonly Cell[]>,
  parts: ExperimentParts,
  known: ReadonlyMap<string, ItemRecord>,
  measureItems: (cell: Cell, wanted: readonly number[]) => Promise<void>,
): Promise<void> {
  let warm = '';
  const order = [...experiment.rows.keys()];
  for (const measure of experiment.measures) {
    if (measure.kind !== 'speed') continue;
    for (let round = 0; round < measure.rounds; round++) {
      for (const index of round % 2 === 0 ? order : order.toReversed()) {
        const cell = cells.get(index)?.find((each) => each.measure === measure);
        const row = experiment.rows[index];
        if (!cell || !row || cell.items.work.kind !== 'speed') continue;
        const wanted = cell.items.work.items.flatMap((item, i) => (item.round === round ? [i] : []));
        if (wanted.every((i) => known.has(cell.keys[i] ?? ''))) continue;
        await loadRow(row, parts);
        const here = `${index} ${measure.id}`;
        if (warm !== here) await warmUp(cell, cell.items.work, wanted, parts);
        warm = here;
        await measureItems(cell, wanted);
      }
    }
  }
}

/** Every shape once, and nothing of it is kept. */
async function warmUp(
  { row }: Cell,
  work: SpeedWork,
  wanted: readonly number[],
  { engine }: ExperimentParts,
): Promise<void> {
  const { config, mode, kvPrecision, policy } = row;
  const request = { config, mode, kvPrecision, policy, work: onlyItems(work, wanted) };
  valueOf(await engine.measure(request, ignore));
}

/** A work with some of its items, in their order. */
function onlyItems(work: MeasureWork, wanted: readonly number[]): MeasureWork {
  const items: readonly unknown[] = work.items;
  // Items of a work are of its own kind.
  return { ...work, items: wanted.map((i) => items[i]) } as MeasureWork;
}

/** What an experiment will cost. */
export interface Cost {
  /** Items over all rows, and those that are not known yet. */
  readonly items: number;
  readonly missing: number;
  /** Tokens of the missing ones. */
  readonly tokens: number;
  readonly ms: number;
  /** The most memory of a row: weights and the KV of one sequence. */
  readonly bytes: number;
}

const PROBE: SpeedWork = {
  kind: 'speed',
  items: [{ prompt: 64, generate: 8, round: 0 }],
  budgetBytes: 1,
};

/** Estimates the cost before the start: counts tokens, and times a short run of every row. */
export async function estimateCost(
  experiment: Experiment,
  parts: ExperimentParts,
  known: ReadonlyMap<string, ItemRecord>,
): Promise<Cost> {
  const cost = { items: 0, missing: 0, tokens: 0, ms: 0, bytes: 0 };
  for (const [index, row] of experiment.rows.entries()) {
    const facts = await loadRow(row, parts);
    const { config, mode, kvPrecision, policy } = row;
    const reading = { config, mode, kvPrecision, policy };
    const speed = await probe(parts.engine, reading);
    cost.bytes = Math.max(cost.bytes, speed.bytes);
    for (const cell of await cellsOfRow(experiment, index, facts, parts)) {
      const missing = [...cell.keys.keys()].filter((i) => !known.has(cell.keys[i] ?? ''));
      cost.items += cell.keys.length;
      cost.missing += missing.length;
      if (missing.length === 0) continue;
      const work = onlyItems(cell.items.work, missing);
      const { tokens } = valueOf(await parts.engine.countWork({ ...reading, work }));
      const all = tokens.reduce((sum, each) => sum + each, 0);
      cost.tokens += all;
      // Under a policy, and while generating, tokens are fed one by one.
      const fed = policy.id !== 'none' || work.kind === 'generate';
      cost.ms += all * (fed ? speed.decodeMs : speed.prefillMs);
    }
  }
  return cost;
}

/** What a token of a row costs, and its memory. */
async function probe(engine: LabEngine, reading: Reading) {
  const found: MeasuredSpeed[] = [];
  const onEvent = (event: EngineEvent) => {
    if (event.type === 'measured' && event.measured.kind === 'speed') found.push(event.measured);
  };
  // The first one compiles kernels.
  for (let times = 0; times < 2; times++) {
    valueOf(await engine.measure({ ...reading, work: PROBE }, onEvent));
  }
  const { prefillMs, decodeMs, weightBytes, kvBytesAllocated } = found.at(-1) ?? noSpeed;
  const [shape] = PROBE.items;
  return {
    prefillMs: prefillMs / (shape?.prompt ?? 1),
    // Between so many tokens there is one gap less.
    decodeMs: decodeMs / ((shape?.generate ?? 2) - 1),
    bytes: weightBytes + kvBytesAllocated,
  };
}

const noSpeed = { prefillMs: 0, decodeMs: 0, weightBytes: 0, kvBytesAllocated: 0 };
