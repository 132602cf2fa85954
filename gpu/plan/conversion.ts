import type { LayerType } from './layer-types.ts';
import { kvOwners } from './sharing.ts';
import type { WeightRole } from './weight-specs.ts';

/** The roles that an owner's key and value projection is made of, converted together. */
export const kvRoles = ['k', 'v', 'kBias', 'vBias', 'kNorm'] as const satisfies readonly WeightRole[];

/**
 * The stored key and value projections that each owner of a new plan is made from: docs/semantics.md, "Conversion".
 *
 * A layer's present projection is the one of the owner that it names in the stored plan. An owner of the new plan
 * gets the mean of the present projections of all the layers that will name it.
 *
 * @returns per new owner the stored owners to average, one entry per reader (so with repetitions), ascending;
 *   a single distinct entry means that the stored tensor is used as it is
 */
export function kvSources(
  stored: readonly LayerType[],
  wanted: readonly LayerType[],
): ReadonlyMap<number, readonly number[]> {
  const sources = new Map<number, number[]>(kvOwners(wanted).map(({ layer }) => [layer, []]));
  for (const reader of wanted) {
    const present = stored[reader.index];
    if (!present) throw new RangeError(`the stored plan has no layer ${reader.index}`);
    sources.get(reader.readsFrom)?.push(present.readsFrom);
  }
  for (const owners of sources.values()) owners.sort((a, b) => a - b);
  return sources;
}

/** True if an owner's projection is one stored tensor, which needs no averaging. */
export const isCopy = (sources: readonly number[]) => new Set(sources).size === 1;

/** The mean of tensors of one size, element by element: ((t0 + t1) + … ) / n. */
export function meanOf(tensors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(tensors[0]?.length ?? 0);
  for (const tensor of tensors) {
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (tensor[i] as number);
  }
  return sum.map((value) => value / tensors.length);
}
