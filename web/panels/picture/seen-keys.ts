import { maskOf, visibleKeys } from '../../../gpu/kv/mask.ts';
import type { Sharing } from '../../../gpu/plan/sharing.ts';
import type { Positions } from './held-cache.ts';

/** The keys that the layers that read a store see from a position: from the first to the last of any of them. */
export function seenIn(sharing: Sharing, owner: number, position: number): Positions {
  const seen = sharing.layers
    .filter(({ readsFrom }) => readsFrom === owner)
    .map((layer) => visibleKeys(position, maskOf(sharing, layer)));
  return {
    from: Math.min(position, ...seen.map(({ from }) => from)),
    to: Math.max(0, ...seen.map(({ to }) => to)),
  };
}
