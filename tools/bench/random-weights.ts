import type { ModelWeights } from '../../gpu/backend.ts';
import { bytesOf, toF16, type ElementType } from '../../gpu/numbers/element-type.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { threefry2x32 } from '../../gpu/cpu/random.ts';

const chunkNumbers = 2 ** 20;

/** Fills a model with one block of random numbers, repeated: too irregular for any hardware to compress. */
export async function putRandomWeights(
  model: ModelWeights,
  dims: ModelDims,
  layers: readonly LayerType[],
  type: Exclude<ElementType, 'bf16'>,
): Promise<void> {
  const random = Float32Array.from(
    { length: chunkNumbers },
    (_, i) => (threefry2x32([1, 2], [i, 0])[0] / 2 ** 31 - 1) / 40,
  );
  const stretch = type === 'f16' ? toF16(random) : random;
  const bytes = new Uint8Array(stretch.buffer);
  for (const spec of weightSpecs(dims, layers)) {
    const rowBytes = spec.cols * bytesOf(type);
    const rowsAtOnce = Math.max(1, Math.floor(bytes.byteLength / rowBytes));
    if (rowBytes > bytes.byteLength) throw new Error(`a row of ${spec.name} is too long for the bench`);
    for (let row = 0; row < spec.rows; row += rowsAtOnce) {
      const rows = Math.min(rowsAtOnce, spec.rows - row);
      await model.put(spec, row, bytes.subarray(0, rows * rowBytes));
    }
  }
  await model.ready();
}
