// Other folders that import this file need the types of the modules that it imports.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./assembly.d.ts" />
import { bytesOf, type ElementType } from '../numbers/element-type.ts';
import { numbersOf } from '../numbers/matrix-format.ts';
import { quantizeRows, rowLayout, type QuantizedFormat } from '../numbers/quantize.ts';
import type { Address } from './kernels.ts';
import code from './kernels/quantizer.ts?assembly';

/**
 * Quantizes rows as a checkpoint stores them: `packRows` of numbers/matrix-format.ts.
 *
 * @throws NotQuantizable
 */
export type Quantizer = (
  bytes: Uint8Array,
  stored: ElementType,
  cols: number,
  format: QuantizedFormat,
) => Uint8Array<ArrayBuffer>;

/** The exports of `kernels/quantizer.ts`. */
interface QuantizerKernels {
  fromHalves(halves: Address, count: number, into: Address): void;
  fromBrain(numbers: Address, count: number, into: Address): void;
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
/** Rows are packed at once while their numbers in float32 take about this many bytes. */
const PIECE_BYTES = 2 ** 20;

const inJavaScript: Quantizer = (bytes, stored, cols, format) =>
  quantizeRows(numbersOf(bytes, stored, cols), cols, format);

/** Quantizes in WebAssembly, three times as fast; in JavaScript if this engine's WebAssembly has no SIMD. */
export async function openQuantizer(): Promise<Quantizer> {
  const bytes = Uint8Array.from(atob(code.simd), (char) => char.charCodeAt(0));
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(bytes)) return inJavaScript;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const kernels = instance.exports as unknown as QuantizerKernels; // its exports have no types
  return (...rows) => quantize(memory, kernels, ...rows);
}

function quantize(
  memory: WebAssembly.Memory,
  kernels: QuantizerKernels,
  bytes: Uint8Array,
  stored: ElementType,
  cols: number,
  format: QuantizedFormat,
): Uint8Array<ArrayBuffer> {
  const [fromBytes, toBytes] = [cols * bytesOf(stored), rowLayout(format, cols).bytes];
  const rows = bytes.length / fromBytes;
  const rowsAtOnce = Math.max(1, Math.min(rows, Math.floor(PIECE_BYTES / (4 * cols))));
  // Stored numbers lie where their rows are packed to afterwards. What is widened may write 28 bytes more.
  const otherAt = ROWS_AT + 16 * Math.ceil((4 * cols * rowsAtOnce + 28) / 16);
  const missing = otherAt + rowsAtOnce * Math.max(fromBytes, toBytes) + 16 - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  const packed = new Uint8Array(rows * toBytes);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const piece = bytes.subarray(row * fromBytes, (row + rowsAtOnce) * fromBytes);
    const count = piece.length / fromBytes;
    new Uint8Array(memory.buffer, stored === 'f32' ? ROWS_AT : otherAt, piece.length).set(piece);
    if (stored === 'f16') kernels.fromHalves(otherAt, count * cols, ROWS_AT);
    if (stored === 'bf16') kernels.fromBrain(otherAt, count * cols, ROWS_AT);
    // JavaScript's says which number it is that cannot be quantized.
    if (kernels.quantizeRows(format === 'q8', ROWS_AT, cols, count, otherAt, GROUP_AT) !== 1) {
      return inJavaScript(bytes, stored, cols, format);
    }
    packed.set(new Uint8Array(memory.buffer, otherAt, count * toBytes), row * toBytes);
  }
  return packed;
}
