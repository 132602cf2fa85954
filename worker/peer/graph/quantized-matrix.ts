import { fromF16Bits } from '../../../gpu/numbers/element-type.ts';
import { groupSize, quantizeRows, rowLayout, type QuantizedFormat } from '../../../gpu/numbers/quantize.ts';

/** A matrix as ONNX Runtime's `MatMulNBits` takes it: `[rows, groups, groupBytes]` and `[rows · groups]`. */
export interface QuantizedMatrix {
  readonly bits: 4 | 8;
  readonly groupSize: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly scales: Float32Array;
}

/**
 * The numbers that kvtab's own kernels use, in the operator's layout. It counts from 0 and takes 8 or 128 off where no
 * zero point is given, so the sign bit of each whole number is turned.
 *
 * @param values `[rows, cols]`
 * @throws NotQuantizable
 */
export function quantizedMatrix(
  values: Float32Array,
  cols: number,
  format: QuantizedFormat,
): QuantizedMatrix {
  const packed = quantizeRows(values, cols, format);
  const { groups, groupBytes, scalesAt, bytes: rowBytes } = rowLayout(format, cols);
  const rows = values.length / cols;
  const bytes = new Uint8Array(rows * groups * groupBytes);
  const scales = new Float32Array(rows * groups);
  const halves = new Uint16Array(packed.buffer);
  const sign = format === 'q4' ? 0x88 : 0x80;
  for (let row = 0; row < rows; row++) {
    const from = row * rowBytes;
    const to = row * groups * groupBytes;
    for (let i = 0; i < groups * groupBytes; i++) bytes[to + i] = (packed[from + i] ?? 0) ^ sign;
    for (let g = 0; g < groups; g++) {
      scales[row * groups + g] = fromF16Bits(halves[(from + scalesAt) / 2 + g] ?? 0);
    }
  }
  return { bits: format === 'q4' ? 4 : 8, groupSize, shape: [rows, groups, groupBytes], bytes, scales };
}
