import type { GroupMovement } from '../../../gpu/plan/movement.ts';
import { words } from './words.ts';

/** A position is settled if a pass moves it by less than this fraction: a tenth of a percent. */
export const SETTLED = 1e-3;

/** How far one pass moves all positions. */
export interface PassSummary {
  /** From 1 on. */
  readonly pass: number;
  readonly mean: number;
  readonly max: number;
  /** Positions that are not settled. */
  readonly moving: number;
  /** Positions that the pass left out, because they had settled. */
  readonly frozen: number;
}

export function passSummaries({
  passes,
  relative,
}: Pick<GroupMovement, 'passes' | 'relative'>): readonly PassSummary[] {
  const positions = relative.length / passes;
  return Array.from({ length: passes }, (_, pass) => {
    const row = relative.subarray(pass * positions, (pass + 1) * positions);
    let [sum, max, moving, frozen] = [0, 0, 0, 0];
    for (const moved of row) {
      if (Number.isNaN(moved)) {
        frozen++;
        continue;
      }
      sum += moved;
      max = Math.max(max, moved);
      if (moved >= SETTLED) moving++;
    }
    return { pass: pass + 1, mean: sum / Math.max(1, positions - frozen), max, moving, frozen };
  });
}

/** The first pass that moves no position; the pass before it already had the result. Null if every pass moves some. */
export const settledAt = (summaries: readonly PassSummary[]): number | null =>
  summaries.find(({ moving }) => moving === 0)?.pass ?? null;

/** How dark a cell is, from 0 (nothing moved, or it was left out) to 1 (everything did). Logarithmic, because movement shrinks by a factor per pass. */
export function darkness(moved: number): number {
  if (!(moved > 0)) return 0;
  return Math.min(1, Math.max(0.06, 1 + Math.log10(moved) / 5));
}

/** `100 %`, `3.2 %`, `0.0012 %`, or `0` if nothing moved; in words if it was left out. */
export function formatMovement(moved: number): string {
  if (Number.isNaN(moved)) return words.leftOut;
  if (moved === 0) return '0';
  const percent = 100 * moved;
  return percent >= 10 ? `${Math.round(percent)} %` : `${Number(percent.toPrecision(2))} %`;
}
