import { readsAbove, type LayerType } from '../plan/layer-types.ts';
import type { Sharing } from '../plan/sharing.ts';

/** What one layer may see. `diagonal` is false if a query never sees its own position. */
export interface Mask {
  readonly windowTokens: number;
  readonly diagonal: boolean;
}

/** The mask of one layer; `windowTokens` is Infinity if the layer has no `s`. */
export const maskOf = (sharing: Sharing, layer: LayerType): Mask => ({
  windowTokens: layer.windowed ? sharing.windowTokens : Infinity,
  diagonal: !(readsAbove(layer) || sharing.forceNodiag),
});

/**
 * The keys that a query at `position` sees, as absolute positions `[from, to)`. Empty if `from >= to`,
 * and a query that sees no key gets an attention output of zero. The one definition of the mask;
 * `kernels/mask.wgsl` is its mirror.
 */
export const visibleKeys = (position: number, mask: Mask) => ({
  from: Math.max(0, position - mask.windowTokens + 1),
  to: mask.diagonal ? position + 1 : position,
});

/** May a query at `q` see the key at `k`? Positions are absolute. */
export const sees = (q: number, k: number, mask: Mask) => {
  const { from, to } = visibleKeys(q, mask);
  return from <= k && k < to;
};
