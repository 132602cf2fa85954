import type { GpuContext } from './device.ts';
import type { GpuWeights, KvProjection } from './weights.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Sharing } from '../plan/sharing.ts';
import type { TextBuffers } from './session-buffers.ts';

/** All that a forward pass refers to. */
export interface Forward {
  readonly context: GpuContext;
  readonly dims: ModelDims;
  readonly sharing: Sharing;
  readonly kvPrecision: KvPrecision;
  readonly weights: GpuWeights;
  readonly kv: ReadonlyMap<number, KvProjection>;
  readonly text: TextBuffers;
}
