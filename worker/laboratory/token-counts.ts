import { valueOf } from '../outcome.ts';
import type { EngineApi } from '../protocol/engine.ts';
import type { MeasureWork } from '../protocol/measure.ts';
import type { Cell } from './plan-experiment.ts';
import { mean } from './statistics/moments.ts';

/** Counts the tokens of items, once for each model and measure. The model of a cell that is counted must be loaded. */
export class TokenCounts {
  readonly #engine: Pick<EngineApi, 'countWork'>;
  /** By model, then by measure: tokens of each item. */
  readonly #counts = new Map<string, Map<string, readonly number[]>>();
  readonly #means = new Map<string, Map<string, number>>();

  constructor(engine: Pick<EngineApi, 'countWork'>) {
    this.#engine = engine;
  }

  async of({ row, measure }: Cell, work: MeasureWork): Promise<readonly number[]> {
    const ofModel = this.#counts.get(row.model) ?? new Map<string, readonly number[]>();
    this.#counts.set(row.model, ofModel);
    const known = ofModel.get(measure.id);
    if (known) return known;
    const { config, mode, kvPrecision, policy } = row;
    const { tokens } = valueOf(await this.#engine.countWork({ config, mode, kvPrecision, policy, work }));
    ofModel.set(measure.id, tokens);
    const means = this.#means.get(row.model) ?? new Map<string, number>();
    this.#means.set(row.model, means.set(measure.id, tokens.length === 0 ? 0 : mean(tokens)));
    return tokens;
  }

  /** Mean tokens of a cell's items; those of another model's tokenizer, or 0, if its own has not counted them yet. */
  meanOf({ row, measure }: Cell): number {
    const own = this.#means.get(row.model)?.get(measure.id);
    if (own !== undefined) return own;
    for (const ofModel of this.#means.values()) {
      const other = ofModel.get(measure.id);
      if (other !== undefined) return other;
    }
    return 0;
  }
}
