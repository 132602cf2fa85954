import type { LayerType } from '../../gpu/plan/layer-types.ts';
import { kvBytesPerToken, type KvPrecision } from '../../gpu/kv/usage.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { kvOwners } from '../../gpu/plan/sharing.ts';

/** What a plan costs, computed by formula before anything runs. */
export interface KvPreview {
  readonly owners: number;
  readonly layerCount: number;
  /** KV of this plan divided by KV of a plan in which every layer keeps its own. */
  readonly fractionOfPlain: number;
  /** Null until the model's dimensions are known. */
  readonly bytesPerToken: number | null;
}

/** The KV figures of a plan while it is edited. */
export function previewKv(
  layers: readonly LayerType[],
  dims: ModelDims | null,
  precision: KvPrecision,
): KvPreview {
  const owners = kvOwners(layers).length;
  return {
    owners,
    layerCount: layers.length,
    fractionOfPlain: owners / layers.length,
    bytesPerToken: dims && kvBytesPerToken({ layers, windowTokens: 1, forceNodiag: false }, dims, precision),
  };
}
