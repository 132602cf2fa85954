import type { ElementType } from '../../gpu/numbers/element-type.ts';
import { isQuantized, storedRowBytes, type MatrixFormat } from '../../gpu/numbers/matrix-format.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import type { WrittenTensor } from './safetensors-header.ts';

const dtypes: Readonly<Record<ElementType, string>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' };

/** The types that a checkpoint's numbers may have, by their names in safetensors. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  [dtypes.f32, 'f32'],
  [dtypes.f16, 'f16'],
  [dtypes.bf16, 'bf16'],
]);

/** How a file holds a tensor: as numbers, or, of a matrix that was quantized, as packed rows of bytes. */
export function tensorForm(spec: WeightSpec, format: MatrixFormat): WrittenTensor {
  const { name, rows, cols, vector } = spec;
  const bytes = rows * storedRowBytes(format, cols);
  if (isQuantized(format)) return { name, bytes, dtype: 'U8', shape: [rows, bytes / rows] };
  return { name, bytes, dtype: dtypes[format], shape: vector ? [cols] : [rows, cols] };
}
