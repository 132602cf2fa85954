// Other folders that import this file need the types of the modules that it imports.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./assembly.d.ts" />
import { quantizeRows, rowLayout, type QuantizedFormat, type QuantizeRows } from '../numbers/quantize.ts';
import type { Address } from './kernels.ts';
import code from './kernels/quantizer.ts?assembly';

/** The exports of `kernels/quantizer.ts`. */
interface QuantizerKernels {
  quantizeRows(
    q8: boolean,
    values: Address,
    cols: number,
    rows: number,
    packed: Address,
    group: Address,
  ): number;
}

const PAGE_BYTES = 65536;
/** Where the room for a group of 32 lies, and behind it that for rows. */
const GROUP_AT = 64;
const ROWS_AT = 256;
/** Rows are packed at once while their numbers take about this many bytes. */
const PIECE_BYTES = 2 ** 20;

/** Quantizes in WebAssembly, three times as fast; in JavaScript if this engine's WebAssembly has no SIMD. */
export async function openQuantizer(): Promise<QuantizeRows> {
  const bytes = Uint8Array.from(atob(code.simd), (char) => char.charCodeAt(0));
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(bytes)) return quantizeRows;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const kernels = instance.exports as unknown as QuantizerKernels; // its exports have no types
  return (values, cols, format) => quantize(memory, kernels, values, cols, format);
}

function quantize(
  memory: WebAssembly.Memory,
  kernels: QuantizerKernels,
  values: Float32Array,
  cols: number,
  format: QuantizedFormat,
): Uint8Array<ArrayBuffer> {
  const rowBytes = rowLayout(format, cols).bytes;
  const rows = values.length / cols;
  const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / (4 * cols)));
  const packedAt = ROWS_AT + 16 * Math.ceil((4 * cols * Math.min(rows, rowsAtOnce)) / 16);
  const missing = packedAt + rowBytes * Math.min(rows, rowsAtOnce) - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  const packed = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const piece = values.subarray(row * cols, (row + rowsAtOnce) * cols);
    const count = piece.length / cols;
    new Float32Array(memory.buffer, ROWS_AT, piece.length).set(piece);
    // JavaScript's says which number it is that cannot be quantized.
    if (kernels.quantizeRows(format === 'q8', ROWS_AT, cols, count, packedAt, GROUP_AT) !== 1) {
      return quantizeRows(values, cols, format);
    }
    packed.set(new Uint8Array(memory.buffer, packedAt, count * rowBytes), row * rowBytes);
  }
  return packed;
}
