import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { parseLayerTypes, readsAbove } from '../../../gpu/plan/layer-types.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { words } from './words.ts';

/** Why transformers.js cannot run a configuration; null if it can. A plan with a mistake fails as it does in kvtab. */
export function impossibleThere({
  layerTypes,
  forceNodiag,
  policy,
}: Pick<PlaygroundConfig, 'layerTypes' | 'forceNodiag' | 'policy'>): string | null {
  const read = parseLayerTypes(layerTypes.trim(), layerTypes.split('_').length);
  const layers = read.ok ? read.value : [];
  const above = layers.find(readsAbove);
  if (above) return words.peer.readsAbove(above.index, above.readsFrom);
  const shared = layers.find(({ index, readsFrom }) => readsFrom !== index);
  if (shared) return words.peer.shares(shared.index, shared.readsFrom);
  if (forceNodiag) return words.peer.noDiagonal;
  if (policy !== keepEverything.id) return words.peer.policy;
  return null;
}
