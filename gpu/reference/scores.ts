import { probabilities, type Query } from '../kv/policies/attention-probabilities.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
import type { HeldRow, HeldRows } from './held-rows.ts';

/** The scores by which a policy chooses, as docs/policies.md defines them. */
export class Scores {
  readonly #run: PolicyRun;

  constructor(run: PolicyRun) {
    this.#run = run;
  }

  /** Before the layers of a token, or of a whole turn: scores that do not add up start at zero. */
  startQuery(stores: readonly HeldRows[]): void {
    if (!this.#run.newestOnly) return;
    for (const { heads } of stores) {
      for (const row of heads.flat()) row.score = 0;
    }
  }

  /** Whether a query of a turn adds to scores. */
  counts(isNewest: boolean): boolean {
    return this.#run.accumulates || (this.#run.newestOnly && isNewest);
  }

  /** The score that a key gives its row; null if attention decides. */
  get ofKey(): ((key: Float32Array) => number) | null {
    const { scoring } = this.#run;
    return scoring?.from === 'key' ? scoring.scoreOf : null;
  }

  /**
   * What one query head adds to the rows that it sees.
   *
   * @param scores `q·k / √headDim` of each row
   */
  add(rows: readonly HeldRow[], scores: Float32Array, query: Query): void {
    const { scoring, policy, tau } = this.#run;
    if (scoring?.from !== 'attention') return;
    const positions = rows.map(({ position }) => position);
    const added = probabilities(scoring, scores, positions, query, { seed: policy.seed, tau });
    for (const [i, row] of rows.entries()) row.score += added[i] ?? 0;
  }
}
