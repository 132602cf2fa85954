import { bytesOf, fromF16Bits, toF16, toF16Bits, toFloat32, type ElementType } from './element-type.ts';
import { dequantizeRows, quantizeRows, rowLayout, type QuantizedFormat } from './quantize.ts';
import type { WeightSpec } from './weight-specs.ts';

/** How a backend keeps a matrix's numbers. */
export type MatrixFormat = ElementType | QuantizedFormat;

/** In what matrices are kept: as the checkpoint has them, converted, or quantized. Vectors are always float32. */
export type WeightPrecision = 'stored' | 'f32' | 'f16' | QuantizedFormat;

/** What a person can choose of how weights are kept. */
export interface WeightFormats {
  readonly weights: WeightPrecision;
  /** Whether `q8` and `q4` are meant for the embeddings and the head too, which else are kept as stored (false). */
  readonly quantizeEmbeddings?: boolean;
}

const isQuantized = (format: MatrixFormat | WeightPrecision): format is QuantizedFormat =>
  format === 'q8' || format === 'q4';

/** How a matrix is kept that the checkpoint holds as `stored`. */
export function keptFormat(
  { role }: WeightSpec,
  stored: ElementType,
  { weights, quantizeEmbeddings = false }: WeightFormats,
): MatrixFormat {
  if (weights === 'stored') return stored;
  const spared = (role === 'embed' || role === 'head') && !quantizeEmbeddings;
  return isQuantized(weights) && spared ? stored : weights;
}

/** Numbers in a row as a matrix and what is multiplied with it have them: padded with zeros to a multiple of 8. */
export const paddedCols = (cols: number) => Math.ceil(cols / 8) * 8;

/** Bytes of a packed row. */
export const rowBytes = (format: MatrixFormat, cols: number) =>
  isQuantized(format) ? rowLayout(format, cols).bytes : paddedCols(cols) * bytesOf(format);

/**
 * Rows as they are packed for kernels.
 *
 * @param bytes `[rows, cols]`, little-endian, of type `stored`
 * @throws NotQuantizable
 */
export function packRows(
  bytes: Uint8Array,
  stored: ElementType,
  cols: number,
  format: MatrixFormat,
): Uint8Array<ArrayBuffer> {
  if (isQuantized(format)) return quantizeRows(toFloat32(bytes, stored), cols, format);
  return padRows(convert(bytes, stored, format), cols * bytesOf(format), rowBytes(format, cols));
}

/**
 * The numbers that {@link packRows} keeps, `[rows, cols]`: for backends that compute with float32.
 *
 * @throws NotQuantizable
 */
export function keptRows(
  bytes: Uint8Array,
  stored: ElementType,
  cols: number,
  format: MatrixFormat,
): Float32Array<ArrayBuffer> {
  const values = toFloat32(bytes, stored);
  if (isQuantized(format)) return dequantizeRows(quantizeRows(values, cols, format), cols, format);
  return format === 'f16' && stored !== 'f16' ? roundToF16(values) : values;
}

export const roundToF16 = (values: Float32Array): Float32Array<ArrayBuffer> =>
  Float32Array.from(values, (value) => fromF16Bits(toF16Bits(value)));

function convert(bytes: Uint8Array, from: ElementType, to: ElementType): Uint8Array<ArrayBuffer> {
  if (from === to) return new Uint8Array(bytes); // a copy: a view on shared memory cannot be uploaded
  const values = toFloat32(bytes, from);
  return new Uint8Array((to === 'f16' ? toF16(values) : values).buffer);
}

function padRows(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): Uint8Array<ArrayBuffer> {
  if (from === to) return bytes;
  const rows = bytes.byteLength / from;
  const padded = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++) padded.set(bytes.subarray(row * from, (row + 1) * from), row * to);
  return padded;
}
