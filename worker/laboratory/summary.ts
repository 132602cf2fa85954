/** Records as a table: a number for each row and figure, its error, and the paired difference from the baseline. */
import type { Measured } from '../protocol/measure.ts';
import type { Experiment } from './experiment.ts';
import { columnsOf, type Column } from './figure-columns.ts';
import { itemsOfMeasure, type ItemFacts } from './measure-items.ts';
import type { Measure } from './measures.ts';
import type { ItemRecord } from './records.ts';
import { mean, median, standardError } from './statistics/moments.ts';
import {
  bootstrapDifference,
  bootstrapError,
  Draws,
  holm,
  mcNemar,
  meanDifference,
  wilson,
  type Difference,
} from './statistics/tests-of-difference.ts';

/** One number of a row. */
export interface Figure {
  /** Null if nothing was measured. */
  readonly value: number | null;
  readonly standardError: number | null;
  /** If a standard error says nothing: of a fraction of few items, or at 0 or 1; or the range of timed rounds. */
  readonly interval: readonly [low: number, high: number] | null;
  /** From the baseline; null in the baseline's row, or if items are missing. */
  readonly difference: (Difference & { readonly corrected: number | null }) | null;
  readonly items: number;
}

export interface FigureColumn {
  readonly measure: string;
  readonly name: string;
  readonly unit: string;
  readonly higherIsBetter: boolean | null;
  /** Whether differences are fractions of the baseline's value, as for timed rounds, and not in the column's unit. */
  readonly relative: boolean;
  /** One for each row. */
  readonly figures: readonly Figure[];
}

export interface Summary {
  readonly rows: readonly string[];
  /** Of each row: what other engine ran it and how, or why it could not. */
  readonly notes: readonly (readonly string[])[];
  readonly columns: readonly FigureColumn[];
}

/** A difference whose corrected p is above this lies inside the noise. */
const NOISE = 0.05;

/** Whether a difference lies inside the noise, so that it is shown as ≈. */
export const isNoise = ({ difference }: Figure): boolean =>
  difference !== null && difference.corrected !== null && difference.corrected > NOISE;

/**
 * @param records of this experiment under one version of kvtab: there may be one for each row, measure and item
 * @param sources texts of the measures, by their digests
 */
export function summarize(
  experiment: Experiment,
  records: readonly ItemRecord[],
  sources: ReadonlyMap<string, string>,
): Summary {
  const draws = new Draws(experiment.seed);
  const measured = new Map(
    experiment.measures.map(
      ({ id }) => [id, experiment.rows.map(() => new Map<number, Measured>())] as const,
    ),
  );
  for (const record of records) {
    measured.get(record.measure)?.[record.row]?.set(record.item, record.measured);
  }
  const columns = experiment.measures.flatMap((measure) => {
    const facts = factsOf(measure, sources, experiment.seed);
    const byRow = measured.get(measure.id) ?? [];
    return columnsOf(measure).map((column) => ({
      measure: measure.id,
      name: column.name,
      unit: column.unit,
      higherIsBetter: column.higherIsBetter,
      relative: column.kind === 'median',
      figures: figuresOf(column, byRow, facts, draws),
    }));
  });
  const notes = experiment.rows.map((_, row) =>
    experiment.measures.flatMap(({ id }) => notesOf([...(measured.get(id)?.[row]?.values() ?? [])])),
  );
  return { rows: experiment.rows.map(({ label }) => label), notes, columns };
}

/** Each once. */
function notesOf(found: readonly Measured[]): readonly string[] {
  const notes = found.flatMap((measured) => {
    if (measured.kind === 'unmeasured') return [measured.reason];
    return measured.kind === 'peer-speed' ? [`${measured.engine}; ${measured.options}`] : [];
  });
  return [...new Set(notes)];
}

function factsOf(measure: Measure, sources: ReadonlyMap<string, string>, seed: number): readonly ItemFacts[] {
  if (measure.kind !== 'choices' && measure.kind !== 'generate') return [];
  const source = sources.get(measure.items.sha256);
  return source === undefined ? [] : itemsOfMeasure(measure, source, { contextTokens: 1, seed }).facts;
}

const noFacts: ItemFacts = { choices: [], gold: -1, references: [] };

function figuresOf(
  column: Column,
  byRow: readonly ReadonlyMap<number, Measured>[],
  facts: readonly ItemFacts[],
  draws: Draws,
): readonly Figure[] {
  const valuesOf = (measured: ReadonlyMap<number, Measured>) =>
    new Map(
      [...measured].flatMap(([item, each]) => {
        const value = column.value(each, facts[item] ?? noFacts, item);
        return value === undefined ? [] : [[item, { value, weight: column.weight?.(each) ?? 1 }] as const];
      }),
    );
  const rows = byRow.map(valuesOf);
  const [baseline] = rows;
  const figures = rows.map((row, i): Figure => {
    const items = [...row.keys()].sort((a, b) => a - b);
    const all = items.flatMap((item) => row.get(item) ?? []);
    if (all.length === 0) {
      return { value: null, standardError: null, interval: null, difference: null, items: 0 };
    }
    const paired = items.every((item) => baseline?.has(item)) && baseline?.size === row.size;
    const compared = i > 0 && paired ? items.flatMap((item) => baseline.get(item) ?? []) : null;
    return { ...figureOf(column, all, compared, draws), items: all.length };
  });
  const corrected = holm(figures.map(({ difference }) => difference?.p ?? null));
  return figures.map((figure, i) => ({
    ...figure,
    difference: figure.difference && { ...figure.difference, corrected: corrected[i] ?? null },
  }));
}

interface Weighted {
  readonly value: number;
  readonly weight: number;
}

function figureOf(
  column: Column,
  row: readonly Weighted[],
  baseline: readonly Weighted[] | null,
  draws: Draws,
): Omit<Figure, 'items' | 'difference'> & { readonly difference: (Difference & { corrected: null }) | null } {
  const values = row.map(({ value }) => value);
  const before = baseline?.map(({ value }) => value) ?? null;
  const uncorrected = (difference: Difference | null) => difference && { ...difference, corrected: null };
  switch (column.kind) {
    case 'mean':
      return {
        value: mean(values),
        standardError: standardError(values),
        interval: null,
        difference: uncorrected(before && meanDifference(values, before)),
      };
    case 'fraction': {
      const value = mean(values);
      const isWhole = values.every((each) => each === 0 || each === 1);
      const rough = values.length < 30 || value === 0 || value === 1;
      return {
        value,
        standardError: standardError(values),
        interval: isWhole && rough ? wilson(value * values.length, values.length) : null,
        difference: uncorrected(before && (isWhole ? mcNemar : meanDifference)(values, before)),
      };
    }
    case 'statistic': {
      const statisticOf = (all: readonly Weighted[]) => (documents: Uint32Array) => {
        let [value, weight] = [0, 0];
        for (const i of documents) {
          value += all[i]?.value ?? 0;
          weight += all[i]?.weight ?? 0;
        }
        return column.statistic?.(value, weight) ?? value / weight;
      };
      const all = Uint32Array.from({ length: row.length }, (_, i) => i);
      return {
        value: statisticOf(row)(all),
        standardError: bootstrapError(row.length, statisticOf(row), draws),
        interval: null,
        difference: uncorrected(
          baseline &&
            bootstrapDifference(
              row.length,
              { row: statisticOf(row), baseline: statisticOf(baseline) },
              draws,
            ),
        ),
      };
    }
    case 'median':
      return {
        value: median(values),
        standardError: null,
        interval: [Math.min(...values), Math.max(...values)],
        // Round by round: both rows saw the machine in the same state.
        difference: uncorrected(
          before && {
            value: median(values.map((value, i) => value / (before[i] ?? NaN))) - 1,
            standardError: null,
            p: null,
          },
        ),
      };
    case 'maximum': {
      const value = Math.max(...values);
      return {
        value,
        standardError: null,
        interval: null,
        difference: uncorrected(
          before && { value: value - Math.max(...before), standardError: null, p: null },
        ),
      };
    }
    default:
      return column.kind satisfies never;
  }
}
