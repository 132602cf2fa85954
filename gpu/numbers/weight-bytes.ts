import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { weightSpecs, type WeightSpec } from '../plan/weight-specs.ts';
import type { ElementType } from './element-type.ts';
import { keptFormat, paddedCols, rowBytes, type WeightFormats } from './matrix-format.ts';
import { matrixBytes, padded } from './panels.ts';

/** What a checkpoint says of its tensors, before any of them is read. */
export interface UnreadWeights {
  readonly dims: ModelDims;
  /** The plan under which the checkpoint was written. */
  readonly storedLayers: readonly LayerType[];
  /** The type of all its tensors. */
  readonly storedAs: ElementType;
}

/** How many numbers the tensors of a checkpoint hold. */
export const weightCount = ({ dims, storedLayers }: Omit<UnreadWeights, 'storedAs'>): number =>
  weightSpecs(dims, storedLayers).reduce((sum, { rows, cols }) => sum + rows * cols, 0);

/** Bytes of a model's weights in GPU memory, as `gpu/webgpu/weights.ts` keeps them. */
export function weightBytesOnGpu(weights: UnreadWeights, formats: WeightFormats): number {
  const { dims, storedLayers, storedAs } = weights;
  const bytesOf = (spec: WeightSpec) =>
    spec.vector
      ? 4 * paddedCols(spec.cols)
      : spec.rows * rowBytes(keptFormat(spec, storedAs, formats), paddedCols(spec.cols));
  return weightSpecs(dims, storedLayers).reduce((sum, spec) => sum + bytesOf(spec), 0);
}

/**
 * Bytes of a model's weights in the memory of WebAssembly, as `gpu/wasm/tensor.ts` keeps them: bfloat16 in 32 bits, all
 * else as it is. A matrix of other numbers that all happen to be halves takes half of that.
 */
export function weightBytesOnCpu(weights: UnreadWeights, formats: WeightFormats): number {
  const { dims, storedLayers, storedAs } = weights;
  const bytesOf = (spec: WeightSpec) => {
    if (spec.vector) return 4 * padded(spec.cols);
    const format = keptFormat(spec, storedAs, formats);
    return matrixBytes(spec.rows, spec.cols, format === 'bf16' ? 'f32' : format);
  };
  return weightSpecs(dims, storedLayers).reduce((sum, spec) => sum + bytesOf(spec), 0);
}
