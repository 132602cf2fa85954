import type { Budget } from './policy.ts';

/** What a cut asks of a row: where it stands in the text, and its score. */
export interface ScoredRow {
  readonly position: number;
  readonly score: number;
}

export interface CutOptions {
  /** Null to evict only what nobody sees. */
  readonly budget: Budget | null;
  /** Positions read so far. */
  readonly textTokens: number;
  /** The window through which every reader of the store sees it; Infinity if one sees all. */
  readonly windowTokens: number;
}

/**
 * Chooses the rows of one KV head that stay (docs/policies.md, "The cut"). Rows that every reader's window has passed
 * go first. Then the newest `recent` rows and the positions below `sinks` are protected, and of the others the `heavy`
 * with the highest scores stay; of equal scores the lower position comes first.
 *
 * @param rows by ascending position
 * @returns whether each row stays
 */
export function rowsThatStay(rows: readonly ScoredRow[], options: CutOptions): readonly boolean[] {
  const { budget, textTokens, windowTokens } = options;
  const seen = rows.map(({ position }) => textTokens - 1 - position < windowTokens);
  if (!budget) return seen;
  const firstSeen = seen.indexOf(true);
  const firstRecent = Math.max(firstSeen, rows.length - budget.recent);
  const stays = rows.map(
    ({ position }, i) => seen[i] === true && (i >= firstRecent || position < budget.sinks),
  );
  const others = [...rows.keys()].filter((i) => seen[i] === true && stays[i] === false);
  const scoreAt = (i: number) => rows[i]?.score ?? 0;
  others.sort((a, b) => scoreAt(b) - scoreAt(a) || a - b);
  for (const i of others.slice(0, budget.heavy)) stays[i] = true;
  return stays;
}

/**
 * {@link rowsThatStay} for all KV heads of a store.
 *
 * @param heads the rows of each, by ascending position
 * @param joint whether one decision, by the sum of the scores, holds for all heads
 */
export function rowsThatStayByHead(
  heads: readonly (readonly ScoredRow[])[],
  options: CutOptions,
  joint: boolean,
): readonly (readonly boolean[])[] {
  if (!joint) return heads.map((rows) => rowsThatStay(rows, options));
  const sums = (heads[0] ?? []).map(({ position }, i) => ({
    position,
    score: heads.reduce((sum, rows) => sum + (rows[i]?.score ?? 0), 0),
  }));
  const stays = rowsThatStay(sums, options);
  return heads.map(() => stays);
}

/** The most rows of a KV head that a budget leaves; Infinity if it leaves all. */
export const rowsOfBudget = (budget: Budget | null): number =>
  budget ? budget.sinks + budget.recent + budget.heavy : Infinity;

/** The most rows of a KV head after a cut: what {@link rowsThatStay} leaves of a text of which nothing had gone before. */
export function rowsAfterCut(budget: Budget | null, textTokens: number, windowTokens: number): number {
  const firstSeen = Math.max(0, textTokens - windowTokens);
  const seen = textTokens - firstSeen;
  if (!budget) return seen;
  const recent = Math.min(budget.recent, seen);
  const sinks = Math.max(0, Math.min(budget.sinks, textTokens - recent) - firstSeen);
  return recent + sinks + Math.min(budget.heavy, seen - recent - sinks);
}

/** Rows of one KV head as a backend keeps them, by slot. A free slot has the position −1. */
export interface HeadSlots {
  readonly positions: ArrayLike<number>;
  readonly scores: ArrayLike<number>;
  /** Slots that may be in use. */
  readonly count: number;
}

/**
 * A row that must go after a token was fed: {@link rowsThatStay} for a store that a cut left and that has one row more
 * since. Once it is gone, another one may have to go: a sink that a window has passed, and the row that is recent no
 * more. `webgpu/kernels/evict.wgsl` is its mirror.
 *
 * @param options the budget is that of the cut before
 * @returns its slot; −1 if all rows stay
 */
export function victimOf({ positions, scores, count }: HeadSlots, options: CutOptions): number {
  const { budget, textTokens, windowTokens } = options;
  let held = 0;
  let victim = -1;
  for (let slot = 0; slot < count; slot++) {
    const position = positions[slot] ?? -1;
    if (position < 0) continue;
    held++;
    if (textTokens - 1 - position >= windowTokens) return slot;
    if (!budget || position < budget.sinks || position >= textTokens - budget.recent) continue;
    if (victim < 0) {
      victim = slot;
      continue;
    }
    // Of equal scores the higher position goes.
    const score = scores[slot] ?? 0;
    const least = scores[victim] ?? 0;
    if (score < least || (score === least && position > (positions[victim] ?? 0))) victim = slot;
  }
  return held > rowsAfterCut(budget, textTokens, windowTokens) ? victim : -1;
}
