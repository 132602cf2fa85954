import { groupsOf, passesOf, type Group, type Passes } from './forward-plan.ts';
import { ownersOf, readsAbove } from './layer-types.ts';
import type { Sharing } from './sharing.ts';

/**
 * How much of a layer one pass of a parallel prefill computes:
 * `all` of it for every row; only its `kv`; or its KV for every row and the rest for the `last` row alone.
 */
export type LayerWork = 'all' | 'kv' | 'last';

export interface LayerStep {
  readonly layer: number;
  readonly work: LayerWork;
  readonly ownsKv: boolean;
  /** True if all the KV that this layer reads is zero, so that its attention output is zero too. */
  readonly seesOnlyZeros: boolean;
}

/** One walk over one group's layers. Every pass of a group starts from the hidden state that entered the group. */
export interface PrefillPass {
  readonly group: Group;
  readonly pass: number;
  readonly passes: number;
  readonly steps: readonly LayerStep[];
}

/**
 * The work of a parallel prefill, pass by pass, without what nobody reads. Every pass except a group's last leaves only
 * KV, and above the last owner only the last row is computed (YOCO's fast prefill).
 *
 * @param firstTurn whether the cache is empty
 * @param everyRow  whether logits are needed at positions before the last
 */
export function prefillSchedule(
  sharing: Sharing,
  passes: Passes,
  { firstTurn, everyRow }: { readonly firstTurn: boolean; readonly everyRow: boolean },
): readonly PrefillPass[] {
  const owners = ownersOf(sharing.layers);
  const lastOwner = owners.at(-1) ?? 0;

  return groupsOf(sharing.layers).flatMap((group) => {
    const passCount = passesOf(group, passes);
    const workOf = (layer: number, finalPass: boolean): LayerWork => {
      // An iterated group ends at an owner: groupsOf stops after the highest layer that is read.
      if (!finalPass) return layer < group.stop - 1 ? 'all' : 'kv';
      return everyRow || layer < lastOwner ? 'all' : 'last';
    };

    return Array.from({ length: passCount }, (_, pass): PrefillPass => {
      const steps = sharing.layers.slice(group.start, group.stop).map((layer) => ({
        layer: layer.index,
        work: workOf(layer.index, pass === passCount - 1),
        ownsKv: owners.includes(layer.index),
        seesOnlyZeros: firstTurn && pass === 0 && readsAbove(layer),
      }));
      return { group, pass, passes: passCount, steps };
    });
  });
}

/** Layers run per prompt token: what a parallel prefill costs, `layerCount` if nothing is iterated. */
export const prefillLayerPasses = (sharing: Sharing, passes: Passes): number =>
  groupsOf(sharing.layers)
    .map((group) => (group.stop - group.start) * passesOf(group, passes))
    .reduce((sum, layers) => sum + layers, 0);
