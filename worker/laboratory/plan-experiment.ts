/** An experiment as cells: what to measure in which row, with a key for each record. Needs no model, only its digest. */
import type { MeasureWork } from '../protocol/measure.ts';
import { sha256 } from '../sha256.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Experiment, Row } from './experiment.ts';
import { itemsOfMeasure, sourceOf, type ItemFacts } from './measure-items.ts';
import type { ByDigest, Measure } from './measures.ts';
import type { ItemRecord } from './records.ts';

export interface PlanParts {
  /** Changes whenever numbers may change. */
  readonly engineVersion: string;
  /** The digest of a model's files. */
  readonly digestOf: (model: string) => Promise<string>;
  /** A text by its digest. Throws Refused if it is not available. */
  readonly readSource: (wanted: ByDigest) => Promise<string>;
}

/** One measure in one row. */
export interface Cell {
  readonly rowIndex: number;
  readonly row: Row;
  readonly measure: Measure;
  readonly facts: readonly ItemFacts[];
  /** One for each item. */
  readonly keys: readonly string[];
  /** All items, for a model with that context. */
  readonly workFor: (contextTokens: number) => MeasureWork;
}

/** One measure of one row, by its names. */
export interface CellName {
  readonly row: number;
  readonly measure: string;
}

/**
 * The cells of an experiment, row by row.
 *
 * @param wanted which of them; all if it is absent
 * @throws Refused if a text is missing or is not what the measure asks for, or if there is no such model
 */
export async function planExperiment(
  experiment: Experiment,
  parts: PlanParts,
  wanted: (name: CellName) => boolean = () => true,
): Promise<readonly Cell[]> {
  const { seed } = experiment;
  const measures = await Promise.all(
    experiment.measures.map(async (measure) => {
      const isWanted = experiment.rows.some((_, row) => wanted({ row, measure: measure.id }));
      const wantedSource = isWanted ? sourceOf(measure) : null;
      const source = wantedSource ? await parts.readSource(wantedSource) : '';
      const items = (contextTokens: number) => itemsOfMeasure(measure, source, { contextTokens, seed });
      return { measure, items, facts: isWanted ? items(1).facts : [] };
    }),
  );
  const cells: Cell[] = [];
  for (const [rowIndex, row] of experiment.rows.entries()) {
    const ofRow = measures.filter(({ measure }) => wanted({ row: rowIndex, measure: measure.id }));
    if (ofRow.length === 0) continue;
    const model = await parts.digestOf(row.model);
    for (const { measure, items, facts } of ofRow) {
      const keys = await keysOf(row, measure, facts.length, { model, engine: parts.engineVersion, seed });
      const workFor = (contextTokens: number) => items(contextTokens).work;
      cells.push({ rowIndex, row, measure, facts, keys, workFor });
    }
  }
  return cells;
}

async function keysOf(
  { label: _, model: __, engine, ...reading }: Row,
  measure: Measure,
  items: number,
  made: { readonly model: string; readonly engine: string; readonly seed: number },
): Promise<readonly string[]> {
  // Rows had no engine once: those of kvtab are known by the same keys as before.
  const setting = engine === 'kvtab' ? reading : { ...reading, peer: engine };
  // Neither what it is called nor how many items are measured changes what is measured of one.
  const { id: ___, ...what } = { ...measure, limit: null };
  const base = await sha256(canonicalJson({ ...made, setting, what }));
  return Promise.all(Array.from({ length: items }, (_item, i) => sha256(`${base} ${i}`)));
}

/** The items of a cell that have no record yet. */
export const missingItems = ({ keys }: Cell, known: { has: (key: string) => boolean }): readonly number[] =>
  keys.flatMap((key, i) => (known.has(key) ? [] : [i]));

/** A work with some of its items, in their order. */
export function onlyItems(work: MeasureWork, wanted: readonly number[]): MeasureWork {
  const items: readonly unknown[] = work.items;
  // Items of a work are of its own kind.
  return { ...work, items: wanted.map((i) => items[i]) } as MeasureWork;
}

/**
 * The records of cells, as a table of them needs it. Where a record belongs is what its key says, not the record itself;
 * those of other keys, such as of another version of kvtab, are left out.
 */
export function recordsOf(cells: readonly Cell[], records: readonly ItemRecord[]): readonly ItemRecord[] {
  const byKey = new Map(records.map((record) => [record.key, record] as const));
  return cells.flatMap(({ keys, rowIndex: row, measure: { id } }) =>
    keys.flatMap((key, item) => {
      const record = byKey.get(key);
      return record ? [{ ...record, row, measure: id, item }] : [];
    }),
  );
}
