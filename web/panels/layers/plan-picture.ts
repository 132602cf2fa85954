import type { Group } from '../../../gpu/plan/forward-plan.ts';
import type { EditedLayer } from './plan-edit.ts';
import { ROW_PX } from './row-px.ts';
import { words } from './words.ts';

export const ARCS_PX = 120;
export const BRACKETS_PX = 38;

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

const LEAST_REACH = 14;

/** Middle of a layer's row, from the top; the first layer is at the bottom, as in the papers. */
export const rowY = (layer: number, rows: number) => (rows - 1 - layer + 0.5) * ROW_PX;

/** The layer at a height: the inverse of {@link rowY}. */
export const layerAt = (y: number, rows: number) =>
  Math.min(Math.max(rows - 1 - Math.floor(y / ROW_PX), 0), rows - 1);

/** An arc between two rows. The further apart they are, the wider the arc. */
export function arcPath(from: number, to: number, rows: number): string {
  const distance = Math.sqrt(Math.abs(to - from) / Math.max(1, rows - 1));
  // A cubic curve reaches three quarters of the way to its control points.
  const reach = (LEAST_REACH + distance * (ARCS_PX - LEAST_REACH - 4)) / 0.75;
  const control = reach.toFixed(1);
  const end = rowY(to, rows) + (to > from ? 3 : -3);
  return `M 0 ${rowY(from, rows)} C ${control} ${rowY(from, rows)} ${control} ${end} 5 ${end}`;
}

/** The arcs of all layers that read another layer's KV. Invalid entries have none. */
export const arcsOf = (entries: readonly EditedLayer[]): readonly Arc[] =>
  entries.flatMap(({ layer, readsFrom, windowed }) => {
    if (readsFrom === null || readsFrom === layer) return [];
    const above = readsFrom > layer;
    const y = rowY(readsFrom, entries.length) + (above ? 3 : -3);
    return {
      layer,
      path: arcPath(layer, readsFrom, entries.length),
      tip: `M 0 ${y} l 7 -4 v 8 z`,
      windowed,
      above,
    };
  });

/** The brackets of the iterated groups. */
export const bracketsOf = (groups: readonly Group[], rows: number): readonly Bracket[] =>
  groups
    .filter(({ iterated }) => iterated)
    .map(({ start, stop }) => {
      const top = rowY(stop - 1, rows) - ROW_PX / 2 + 4;
      const bottom = rowY(start, rows) + ROW_PX / 2 - 4;
      const right = BRACKETS_PX - 4;
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
