import type { KvPrecision } from './usage.ts';
import type { Group, Passes } from '../plan/forward-plan.ts';
import type { GroupMovement } from '../plan/movement.ts';

/**
 * A row is left out once a pass moved it by less: docs/semantics.md, "Freezing". Numbers of 16 bits are off by 2.4e-4
 * anyway.
 */
const FROZEN_BELOW: Readonly<Record<KvPrecision, number>> = { f32: 1e-4, f16: 3e-4 };

/**
 * Whether the passes over a turn leave out rows. Scores count every query of the last pass, and so does who looks at
 * hidden states or attention.
 *
 * @param asked whether a policy scores rows, and what else is asked of the turn
 */
export const mayFreeze = (
  { freeze }: Passes,
  asked: { readonly scores: boolean; readonly onHidden?: unknown; readonly onAttention?: unknown },
): boolean =>
  freeze === true && !asked.scores && asked.onHidden === undefined && asked.onAttention === undefined;

/**
 * How many rows of a turn, from the first on, the next pass leaves out. A row sees the ones before it only, so what it
 * read has come to rest if all of these have.
 *
 * @param relative how far a pass moved the rows from `frozen` on
 * @param frozen   rows that this pass left out
 */
export function frozenAfter(relative: ArrayLike<number>, frozen: number, precision: KvPrecision): number {
  let more = 0;
  while (more < relative.length && (relative[more] ?? Infinity) < FROZEN_BELOW[precision]) more++;
  return frozen + more;
}

/** Movements of a pass that left out the first rows: they have none. */
export const withFrozen = (relative: readonly number[], frozen: number): number[] => [
  ...Array.from({ length: frozen }, () => NaN),
  ...relative,
];

/** How many layers of how many rows all passes together computed, and how many they would without freezing. */
export function layerPasses(movements: readonly GroupMovement[]): {
  readonly computed: number;
  readonly all: number;
} {
  const layersOf = ({ start, stop }: Group) => stop - start;
  let [computed, all] = [0, 0];
  for (const { group, relative } of movements) {
    all += layersOf(group) * relative.length;
    computed += layersOf(group) * relative.filter((moved) => !Number.isNaN(moved)).length;
  }
  return { computed, all };
}
