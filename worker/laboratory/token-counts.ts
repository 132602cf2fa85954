import { valueOf } from '../outcome.ts';
import type { EngineApi } from '../protocol/engine.ts';
import type { MeasureWork } from '../protocol/measure.ts';
import type { Cell } from './plan-experiment.ts';
import { mean } from './statistics/moments.ts';

interface Counted {
  readonly tokens: readonly number[];
  readonly mean: number;
}

/** Counts the tokens of items, once for each model and measure. The model of a cell that is counted must be loaded. */
export class TokenCounts {
  readonly #engine: Pick<EngineApi, 'countWork'>;
  /** By model, then by measure: tokens of each item, and their mean. */
  readonly #counts = new Map<string, Map<string, Counted>>();

  constructor(engine: Pick<EngineApi, 'countWork'>) {
    this.#engine = engine;
  }

  async of({ row, measure }: Cell, work: MeasureWork): Promise<readonly number[]> {
    const known = this.#counts.get(row.model)?.get(measure.id);
    if (known) return known.tokens;
    const { config, mode, kvPrecision, policy } = row;
    const { tokens } = valueOf(await this.#engine.countWork({ config, mode, kvPrecision, policy, work }));
    const ofModel = this.#counts.get(row.model) ?? new Map<string, Counted>();
    ofModel.set(measure.id, { tokens, mean: tokens.length === 0 ? 0 : mean(tokens) });
    this.#counts.set(row.model, ofModel);
    return tokens;
  }

  /** Mean tokens of a cell's items; those of another model's tokenizer, or 0, if its own has not counted them yet. */
  meanOf({ row, measure }: Cell): number {
    const own = this.#counts.get(row.model)?.get(measure.id);
    const others = [...this.#counts.values()].map((ofModel) => ofModel.get(measure.id));
    return [own, ...others].find((each) => each !== undefined)?.mean ?? 0;
  }
}
