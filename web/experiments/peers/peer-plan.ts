import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import { parseLayerTypes, readsAbove } from '../../../gpu/plan/layer-types.ts';
import type { BackendChoice } from '../../../worker/protocol/load.ts';
import type { PeerEngine } from '../../../worker/protocol/peer.ts';
import { words } from './impossible-words.ts';

/** What decides whether another engine can run a plan. */
export interface PlanThere {
  readonly layerTypes: string;
  readonly forceNodiag: boolean;
  /** The id of a policy. */
  readonly policy: string;
  readonly backend: BackendChoice;
}

/** Why another engine cannot run a configuration; null if it can. A plan with a mistake fails as it does in kvtab. */
export function impossibleThere(
  { layerTypes, forceNodiag, policy, backend }: PlanThere,
  engine: PeerEngine,
): string | null {
  const read = parseLayerTypes(layerTypes.trim(), layerTypes.split('_').length);
  const layers = read.ok ? read.value : [];
  const above = layers.find(readsAbove);
  if (above) return words.readsAbove(engine, above.index, above.readsFrom);
  const shared = layers.find(({ index, readsFrom }) => readsFrom !== index);
  if (shared) return words.shares(engine, shared.index, shared.readsFrom);
  const onCpu = engine === 'wllama';
  if (onCpu && layers.some(({ windowed }) => windowed)) return words.windows(engine);
  if (forceNodiag) return words.noDiagonal(engine);
  if (policy !== keepEverything.id) return words.policy(engine);
  return onCpu && backend !== 'cpu' ? words.cpuAlone(engine) : null;
}
