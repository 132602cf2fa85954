import { bytesOf, fromF16Bits, toF16, toF16Bits, toFloat32, type ElementType } from './element-type.ts';
import { dequantizeRows, quantizeRows, rowLayout, type QuantizedFormat } from './quantize.ts';
import type { WeightSpec } from '../plan/weight-specs.ts';

/** How a backend keeps a matrix's numbers. */
export type MatrixFormat = ElementType | QuantizedFormat;

/**
 * The formats of matrices: as in the checkpoint, converted, or quantized. Vectors are always float32. `w4a8` is `q4` whose
 * products round their input to 8 bits (`rounded-input.ts`), which the CPU alone offers.
 */
export type WeightPrecision = 'stored' | 'f32' | 'f16' | QuantizedFormat | 'w4a8';

/** How a person can choose to keep the weights. */
export interface WeightFormats {
  readonly weights: WeightPrecision;
  /** Whether quantized formats also apply to the embeddings and the head, which otherwise stay as stored. */
  readonly quantizeEmbeddings: boolean;
}

export const isQuantized = (format: MatrixFormat): format is QuantizedFormat =>
  format === 'q8' || format === 'q4';

/** The format that a choice quantizes matrices to; null if it quantizes none. */
export function quantizedBy(weights: WeightPrecision): QuantizedFormat | null {
  if (weights === 'w4a8') return 'q4';
  return weights === 'q8' || weights === 'q4' ? weights : null;
}

/** The format for a matrix that comes as `stored`. A quantized matrix stays as it is. */
export function keptFormat(
  { role }: WeightSpec,
  stored: MatrixFormat,
  { weights, quantizeEmbeddings }: WeightFormats,
): MatrixFormat {
  if (weights === 'stored' || isQuantized(stored)) return stored;
  if (weights === 'f32' || weights === 'f16') return weights;
  const spared = (role === 'embed' || role === 'head') && !quantizeEmbeddings;
  return (spared ? null : quantizedBy(weights)) ?? stored;
}

/** The format that a tensor is quantized to; null if it is not quantized, as vectors never are. */
export function quantizedAs(spec: WeightSpec, formats: WeightFormats): QuantizedFormat | null {
  const format = spec.vector ? 'f32' : keptFormat(spec, 'f32', formats);
  return isQuantized(format) ? format : null;
}

/** The length of a row in a matrix, and of its input: padded with zeros to a multiple of 8. */
export const paddedCols = (cols: number) => Math.ceil(cols / 8) * 8;

/** Bytes of a row of `cols` numbers as it comes from a file: without padding, unless it was quantized. */
export const storedRowBytes = (stored: MatrixFormat, cols: number) =>
  isQuantized(stored) ? rowLayout(stored, cols).bytes : cols * bytesOf(stored);

/** Bytes of a packed row. */
export const rowBytes = (format: MatrixFormat, cols: number) =>
  isQuantized(format) ? rowLayout(format, cols).bytes : paddedCols(cols) * bytesOf(format);

/**
 * Rows as they are packed for kernels.
 *
 * @param bytes rows of {@link storedRowBytes} each
 * @throws NotQuantizable
 */
export function packRows(
  bytes: Uint8Array,
  stored: MatrixFormat,
  cols: number,
  format: MatrixFormat,
): Uint8Array<ArrayBuffer> {
  if (stored !== format && isQuantized(format))
    return quantizeRows(numbersOf(bytes, stored, cols), cols, format);
  return padRows(convert(bytes, stored, cols, format), storedRowBytes(format, cols), rowBytes(format, cols));
}

/** Stored rows as float32, exactly: `[rows, cols]`. */
export const numbersOf = (bytes: Uint8Array, stored: MatrixFormat, cols: number): Float32Array<ArrayBuffer> =>
  isQuantized(stored) ? dequantizeRows(bytes, cols, stored) : toFloat32(bytes, stored);

/**
 * The numbers that {@link packRows} keeps, `[rows, cols]`: for backends that compute with float32.
 *
 * @throws NotQuantizable
 */
export function keptRows(
  bytes: Uint8Array,
  stored: MatrixFormat,
  cols: number,
  format: MatrixFormat,
): Float32Array<ArrayBuffer> {
  const values = numbersOf(bytes, stored, cols);
  if (stored === format) return values;
  if (isQuantized(format)) return dequantizeRows(quantizeRows(values, cols, format), cols, format);
  return format === 'f16' ? roundToF16(values) : values;
}

export const roundToF16 = (values: Float32Array): Float32Array<ArrayBuffer> =>
  Float32Array.from(values, (value) => fromF16Bits(toF16Bits(value)));

function convert(
  bytes: Uint8Array,
  from: MatrixFormat,
  cols: number,
  to: MatrixFormat,
): Uint8Array<ArrayBuffer> {
  if (from === to) return new Uint8Array(bytes); // a copy: a view on shared memory cannot be uploaded
  const values = numbersOf(bytes, from, cols);
  return new Uint8Array((to === 'f16' ? toF16(values) : values).buffer);
}

function padRows(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): Uint8Array<ArrayBuffer> {
  if (from === to) return bytes;
  const rows = bytes.byteLength / from;
  const padded = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++) padded.set(bytes.subarray(row * from, (row + 1) * from), row * to);
  return padded;
}
