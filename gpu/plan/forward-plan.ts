import { readsAbove, type LayerType } from './layer-types.ts';

/** Layers `[start, stop)`, run once or iterated over the whole prompt in parallel mode. */
export interface Group {
  readonly start: number;
  readonly stop: number;
  readonly iterated: boolean;
}

/** In training, LCKV runs m passes without gradients and b passes with them. Inference runs `m + b`. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
  /** Whether passes leave out rows that no longer move: kv/freezing.ts. */
  readonly freeze?: boolean;
}

/** How often parallel mode walks a group: docs/semantics.md, "Passes". */
export const passesOf = ({ iterated }: Group, { forward, backward }: Passes): number =>
  iterated ? Math.max(1, forward + backward) : 1;

export type Mode = 'sequential' | 'parallel';
/** `auto` is LCKV's published rule, the same everywhere; `fastest` knows the backend (choose-mode.ts). */
export type ModeChoice = Mode | 'auto' | 'fastest';

/** The order of work in parallel mode: `"0_6_6_6_6_6_6_7"` → `[0] · [1–6] iterated · [7]`. */
export function groupsOf(layers: readonly LayerType[]): readonly Group[] {
  const groups: Group[] = [];
  let start = 0;
  while (start < layers.length) {
    const iterated = readsAbove(at(layers, start));
    const stop = iterated ? iterationEnd(layers, start) : nextReaderAbove(layers, start);
    groups.push({ start, stop, iterated });
    start = stop;
  }
  return groups;
}

function nextReaderAbove(layers: readonly LayerType[], start: number): number {
  let stop = start;
  while (stop < layers.length && !readsAbove(at(layers, stop))) stop++;
  return stop;
}

/** One past the highest layer that the iteration from `start` needs. */
function iterationEnd(layers: readonly LayerType[], start: number): number {
  let top = at(layers, start).readsFrom;
  for (let layer = start; layer <= top; layer++) top = Math.max(top, at(layers, layer).readsFrom);
  return top + 1;
}

function at(layers: readonly LayerType[], index: number): LayerType {
  const layer = layers[index];
  if (!layer) throw new RangeError(`layer ${index} of ${layers.length}`);
  return layer;
}
