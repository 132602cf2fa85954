import type { StepForward } from './forward.ts';
import type { AttendParams } from './kernels/attend.ts';
import type { HeadsParams } from './kernels/heads.ts';
import { maskOf } from '../kv/mask.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';

// What a layer's heads and attention are, whether one row goes through them or many.

/** A query's heads, to rows. */
export const queryHeads = ({ headDim, heads, qkNorm, rmsNormEps }: ModelDims): HeadsParams => ({
  headDim,
  heads,
  rotatedHeads: heads,
  normed: qkNorm,
  eps: rmsNormEps,
  to: { kind: 'rows' },
});

/** Keys' and values' heads, to a store; the keys' are rotated. */
export const keyValueHeads = ({ dims, kvPrecision }: StepForward): HeadsParams => ({
  ...queryHeads(dims),
  heads: 2 * dims.kvHeads,
  rotatedHeads: dims.kvHeads,
  to: { kind: 'cache', format: kvPrecision },
});

/** A layer's attention over the store that it reads. */
export const attention = (
  { context, dims, sharing, kvPrecision }: StepForward,
  layer: LayerType,
  splits: number,
): AttendParams => ({
  heads: dims.heads,
  kvHeads: dims.kvHeads,
  headDim: dims.headDim,
  format: kvPrecision,
  diagonal: maskOf(sharing, layer).diagonal,
  windowed: layer.windowed,
  splits,
  mostSplits: context.tuning.mostSplits,
  workgroup: context.tuning.attendWorkgroup,
});
