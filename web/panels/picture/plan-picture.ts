import type { Group } from '../../../gpu/plan/forward-plan.ts';
import { rowY, type Geometry } from './geometry.ts';
import type { EditedLayer } from './plan-edit.ts';
import { words } from './words.ts';

/** The arrow from a layer to the layer whose KV it reads. */
export interface Arc {
  readonly layer: number;
  readonly path: string;
  /** The tip of the arrow, which points at the owner from the right. */
  readonly tip: string;
  readonly windowed: boolean;
  readonly above: boolean;
}

/** The bracket around an iterated group. */
export interface Bracket {
  readonly path: string;
  readonly labelY: number;
  readonly start: number;
}

type RowsAndArcs = Pick<Geometry, 'rowPx' | 'arcsPx'>;

/** How far the shortest arc reaches, as a part of the longest. */
const LEAST_REACH = 0.12;

/** An arc between two rows. The further apart they are, the wider the arc. */
export function arcPath(from: number, to: number, rows: number, { rowPx, arcsPx }: RowsAndArcs): string {
  const distance = Math.sqrt(Math.abs(to - from) / Math.max(1, rows - 1));
  // A cubic curve reaches three quarters of the way to its control points.
  const reach = ((LEAST_REACH + distance * (1 - LEAST_REACH)) * (arcsPx - 4)) / 0.75;
  const control = reach.toFixed(1);
  const start = rowY(from, rows, rowPx);
  const end = rowY(to, rows, rowPx) + (to > from ? 3 : -3);
  return `M 0 ${start} C ${control} ${start} ${control} ${end} 5 ${end}`;
}

/** The arcs of all layers that read another layer's KV. Invalid entries have none. */
export const arcsOf = (entries: readonly EditedLayer[], geometry: RowsAndArcs): readonly Arc[] =>
  entries.flatMap(({ layer, readsFrom, windowed }) => {
    if (readsFrom === null || readsFrom === layer) return [];
    const above = readsFrom > layer;
    const y = rowY(readsFrom, entries.length, geometry.rowPx) + (above ? 3 : -3);
    return {
      layer,
      path: arcPath(layer, readsFrom, entries.length, geometry),
      tip: `M 0 ${y} l 7 -4 v 8 z`,
      windowed,
      above,
    };
  });

/** The brackets of the iterated groups. */
export const bracketsOf = (
  groups: readonly Group[],
  rows: number,
  { rowPx, bracketsPx }: Pick<Geometry, 'rowPx' | 'bracketsPx'>,
): readonly Bracket[] =>
  groups
    .filter(({ iterated }) => iterated)
    .map(({ start, stop }) => {
      const top = rowY(stop - 1, rows, rowPx) - rowPx / 2 + 4;
      const bottom = rowY(start, rows, rowPx) + rowPx / 2 - 4;
      const right = bracketsPx - 4;
      return {
        start,
        path: `M ${right} ${top} h -5 V ${bottom} h 5`,
        labelY: (top + bottom) / 2,
      };
    });

/** One layer in words, for screen readers. */
export function describeLayer(
  { layer, text, readsFrom, windowed, problem }: EditedLayer,
  owner: boolean,
): string {
  if (problem !== null) return words.picture.problem(layer, problem, text);
  const reads =
    readsFrom === null || readsFrom === layer
      ? words.picture.readsItself
      : words.picture.readsOther(readsFrom, readsFrom > layer);
  return words.picture.layer(layer, reads, windowed, owner);
}
