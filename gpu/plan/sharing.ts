import type { LayerType } from './layer-types.ts';

/** How a model's layers share keys and values: everything that affects the result. */
export interface Sharing {
  readonly layers: readonly LayerType[];
  /** Positions that a windowed layer sees, its own included. At least 1. */
  readonly windowTokens: number;
  /** True if no layer may see its own position (the published LCKV checkpoints). */
  readonly forceNodiag: boolean;
}

/** One KV cache: the layer that computes it, and whether everybody reads it through the window only. */
export interface KvOwner {
  readonly layer: number;
  readonly windowed: boolean;
}

/** The KV caches of a plan, by ascending layer. */
export function kvOwners(layers: readonly LayerType[]): readonly KvOwner[] {
  const windowed = new Map<number, boolean>();
  for (const reader of layers) {
    windowed.set(reader.readsFrom, (windowed.get(reader.readsFrom) ?? true) && reader.windowed);
  }
  return [...windowed]
    .map(([layer, onlyThroughWindows]) => ({ layer, windowed: onlyThroughWindows }))
    .sort((a, b) => a.layer - b.layer);
}
