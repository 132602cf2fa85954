import type { LayerType } from '../../gpu/plan/layer-types.ts';
import { kvBytesPerToken, type KvPrecision } from '../../gpu/kv/usage.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { kvOwners } from '../../gpu/plan/sharing.ts';

/** What a plan will cost, by formula, before anything runs. */
export interface KvPreview {
  readonly owners: number;
  readonly layerCount: number;
  /** Compared with every layer keeping its own KV. */
  readonly shareOfPlain: number;
  /** Null while the model's dimensions are not known. */
  readonly bytesPerToken: number | null;
}

/** KV figures of a plan as it is typed. */
export function previewKv(
  layers: readonly LayerType[],
  dims: ModelDims | null,
  precision: KvPrecision,
): KvPreview {
  const owners = kvOwners(layers).length;
  return {
    owners,
    layerCount: layers.length,
    shareOfPlain: owners / layers.length,
    bytesPerToken: dims && kvBytesPerToken({ layers, windowTokens: 1, forceNodiag: false }, dims, precision),
  };
}
