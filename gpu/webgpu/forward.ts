import type { GpuContext } from './device.ts';
import type { GpuWeights, KeyValueWeights } from './weights.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Sharing } from '../plan/sharing.ts';
import type { SessionBuffers } from './session-buffers.ts';

/** Everything that a forward pass uses. */
export interface Forward {
  readonly context: GpuContext;
  readonly dims: ModelDims;
  readonly sharing: Sharing;
  readonly kvPrecision: KvPrecision;
  readonly weights: GpuWeights;
  /** By owner. */
  readonly keyValueWeights: ReadonlyMap<number, KeyValueWeights>;
  readonly session: SessionBuffers;
}
