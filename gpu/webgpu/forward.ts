import type { Columns } from './kernels/columns.ts';
import type { GpuContext } from './device.ts';
import type { GpuWeights, KeyValueWeights } from './weights.ts';
import type { KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Sharing } from '../plan/sharing.ts';
import type { SessionBuffers, StepBuffers } from './session-buffers.ts';

/** Everything that a decoding step uses. */
export interface StepForward {
  readonly context: GpuContext;
  readonly dims: ModelDims;
  readonly sharing: Sharing;
  readonly kvPrecision: KvPrecision;
  readonly weights: GpuWeights;
  /** By owner. */
  readonly keyValueWeights: ReadonlyMap<number, KeyValueWeights>;
  readonly session: StepBuffers;
  /** Rows that a matrix kernel takes at once while decoding. */
  readonly columns: Columns;
}

/** The same for one text. */
export interface Forward extends StepForward {
  readonly session: SessionBuffers;
}
