import { bytesOf, toF16, type ElementType } from '../../../gpu/numbers/element-type.ts';
import { dequantizeRows, groupSize, quantizeRows, rowLayout } from '../../../gpu/numbers/quantize.ts';
import { isQuantized, type MatrixFormat } from '../../../gpu/numbers/matrix-format.ts';
import type { TensorType } from './gguf-file.ts';

export interface GgufMatrix {
  readonly type: TensorType;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Numbers as GGML keeps them: exactly those that kvtab computes with. */
export function plainMatrix(values: Float32Array, type: ElementType): GgufMatrix {
  if (type === 'f16') return { type, bytes: new Uint8Array(toF16(values).buffer) };
  if (type === 'f32') return { type, bytes: new Uint8Array(values.slice().buffer) };
  const bits = new Uint32Array(values.slice().buffer);
  return { type, bytes: new Uint8Array(Uint16Array.from(bits, (each) => each >>> 16).buffer) };
}

/**
 * A matrix in a format of kvtab's. Its 8-bit numbers are GGML's Q8_0 and its 4-bit numbers are Q4_0, scale by scale, in
 * another order: each group has its scale first, and the second half of a group lies in the high bits. A row that ends in
 * part of a group is no such row there, so its numbers are kept as they are, in float32.
 *
 * @param values `[rows, cols]`
 * @throws NotQuantizable
 */
export function ggufMatrix(values: Float32Array, cols: number, format: MatrixFormat): GgufMatrix {
  if (!isQuantized(format)) return plainMatrix(values, format);
  const packed = quantizeRows(values, cols, format);
  if (cols % groupSize !== 0) return plainMatrix(dequantizeRows(packed, cols, format), 'f32');
  const { groups, groupBytes, scalesAt, bytes: rowBytes } = rowLayout(format, cols);
  const rows = values.length / cols;
  const blockBytes = 2 + groupBytes;
  const bytes = new Uint8Array(rows * groups * blockBytes);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const to = (row * groups + group) * blockBytes;
      const scale = row * rowBytes + scalesAt + 2 * group;
      bytes.set(packed.subarray(scale, scale + 2), to);
      const from = row * rowBytes + group * groupBytes;
      const numbers = packed.subarray(from, from + groupBytes);
      if (format === 'q8') bytes.set(numbers, to + 2);
      else packHalves(numbers, bytes.subarray(to + 2, to + blockBytes));
    }
  }
  return { type: format === 'q8' ? 'q8_0' : 'q4_0', bytes };
}

/** From neighbors in a byte, -8…7, to one number of each half of the group in a byte, counted from 0. */
function packHalves(pairs: Uint8Array, halves: Uint8Array): void {
  const numberAt = (i: number) => (((pairs[i >> 1] ?? 0) >> (i % 2 === 0 ? 0 : 4)) & 15) ^ 8;
  for (let i = 0; i < groupSize / 2; i++) halves[i] = numberAt(i) | (numberAt(i + groupSize / 2) << 4);
}

/** Bytes of a number in a format, scales included. */
export const ggufBytesPerNumber = (format: MatrixFormat): number =>
  isQuantized(format) ? (format === 'q8' ? 1 : 0.5) + 2 / groupSize : bytesOf(format);
