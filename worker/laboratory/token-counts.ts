import { valueOf } from '../outcome.ts';
import type { EngineApi } from '../protocol/engine.ts';
import type { MeasureWork } from '../protocol/measure.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Row } from './experiment.ts';
import type { Cell } from './plan-experiment.ts';
import { mean } from './statistics/moments.ts';

interface Counted {
  readonly tokens: readonly number[];
  readonly mean: number;
}

/**
 * Counts the tokens of items, once for each model and measure. How many sequences are the largest batch depends on the
 * row, so timed runs are counted for each. The model of a cell that is counted must be loaded.
 */
export class TokenCounts {
  readonly #engine: Pick<EngineApi, 'countWork'>;
  /** By measure, then by what the tokens depend on: tokens of each item, and their mean. */
  readonly #counts = new Map<string, Map<string, Counted>>();
  readonly #rows = new Map<Row, string>();

  constructor(engine: Pick<EngineApi, 'countWork'>) {
    this.#engine = engine;
  }

  async of(cell: Cell, work: MeasureWork): Promise<readonly number[]> {
    const { row, measure } = cell;
    const ofMeasure = this.#counts.get(measure.id) ?? new Map<string, Counted>();
    this.#counts.set(measure.id, ofMeasure);
    const known = ofMeasure.get(this.#reasonOf(cell));
    if (known) return known.tokens;
    const { config, mode, kvPrecision, policy } = row;
    const { tokens } = valueOf(await this.#engine.countWork({ config, mode, kvPrecision, policy, work }));
    ofMeasure.set(this.#reasonOf(cell), { tokens, mean: tokens.length === 0 ? 0 : mean(tokens) });
    return tokens;
  }

  /** Mean tokens of a cell's items; those of another row, or 0, if its own were not counted yet. */
  meanOf(cell: Cell): number {
    const ofMeasure = this.#counts.get(cell.measure.id);
    const [first] = ofMeasure?.values() ?? [];
    return (ofMeasure?.get(this.#reasonOf(cell)) ?? first)?.mean ?? 0;
  }

  /** What the tokens of a cell's items depend on. */
  #reasonOf({ row, measure }: Cell): string {
    if (measure.kind !== 'speed') return row.model;
    const known = this.#rows.get(row) ?? canonicalJson(row);
    this.#rows.set(row, known);
    return known;
  }
}
