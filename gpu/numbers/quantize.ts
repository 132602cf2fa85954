import { fromF16Bits, toF16Bits } from './element-type.ts';

/** Signed whole numbers of 8 or 4 bits, times a scale that a group of 32 neighbors in a row shares. */
export type QuantizedFormat = 'q8' | 'q4';

/** Numbers along a row that share a scale. */
export const groupSize = 32;

/**
 * A row as it is packed: the whole numbers of all its groups, then their scales, each padded to 16 bytes, so that
 * rows lie one behind the other and a kernel reads 16 numbers of 8 bits, or a group of 4 bits, at a time. The lowest
 * bits of a byte or word come first. A last group that is not full ends in zeros.
 *
 * - `q8`: q is -127…127, one byte each; the scale is the least half that keeps the group's largest number in reach, so
 *   that no number is off by more than half a scale. GGML's Q8_0.
 * - `q4`: q is -8…7, four bits each, eight numbers a word; the scale is the one of several with the least squared error,
 *   and of either sign, so that all 16 values are used. GGML's Q4_0, its scale searched as its `make_qx_quants` does.
 *
 * A scale is a half: 8.5 and 4.5 bits a number. Zeros stay zeros.
 */
export function rowLayout(format: QuantizedFormat, cols: number) {
  const groups = Math.ceil(cols / groupSize);
  const groupBytes = format === 'q8' ? groupSize : groupSize / 2;
  const scalesAt = groups * groupBytes;
  return { groups, groupBytes, scalesAt, bytes: scalesAt + Math.ceil((2 * groups) / 16) * 16 };
}

/** Thrown for a number that no scale can hold. */
export class NotQuantizable extends Error {
  readonly row: number;
  readonly col: number;
  readonly value: number;

  constructor(row: number, col: number, value: number) {
    super(`column ${col} of row ${row} is ${value}`);
    this.name = 'NotQuantizable';
    this.row = row;
    this.col = col;
    this.value = value;
  }
}

/** The largest number that a scale can reach: the largest half times the largest q. */
const largest = { q8: 65504 * 127, q4: 65504 * 7 } as const;

/**
 * Packs rows.
 *
 * @param values `[rows, cols]`
 * @throws NotQuantizable for NaN, an infinity, or a number beyond the reach of the largest scale
 */
export function quantizeRows(
  values: Float32Array,
  cols: number,
  format: QuantizedFormat,
): Uint8Array<ArrayBuffer> {
  const layout = rowLayout(format, cols);
  const rows = values.length / cols;
  const packed = new Uint8Array(rows * layout.bytes);
  const scales = new Uint16Array(packed.buffer);
  const group = new Float32Array(groupSize);
  for (let row = 0; row < rows; row++) {
    const start = row * layout.bytes;
    for (let g = 0; g < layout.groups; g++) {
      const first = row * cols + g * groupSize;
      const count = Math.min(groupSize, cols - g * groupSize);
      group.fill(0, count);
      for (let i = 0; i < count; i++) group[i] = values[first + i] as number;
      const extreme = extremeOf(group);
      if (!(Math.abs(extreme) <= largest[format])) {
        const i = group.findIndex((value) => Object.is(value, extreme));
        throw new NotQuantizable(row, g * groupSize + i, extreme);
      }
      const scaleBits = format === 'q8' ? scaleOf8(Math.abs(extreme)) : scaleOf4(group, extreme);
      scales[(start + layout.scalesAt) / 2 + g] = scaleBits;
      const scale = fromF16Bits(scaleBits);
      const inverse = scale === 0 ? 0 : 1 / scale;
      const at = start + g * layout.groupBytes;
      if (format === 'q8') packBytes(group, inverse, packed, at);
      else packNibbles(group, inverse, packed, at);
    }
  }
  return packed;
}

/** What packed rows hold, exactly: `[rows, cols]`. For backends that compute with float32. */
export function dequantizeRows(
  packed: Uint8Array,
  cols: number,
  format: QuantizedFormat,
): Float32Array<ArrayBuffer> {
  const layout = rowLayout(format, cols);
  const rows = packed.byteLength / layout.bytes;
  const scales = new Uint16Array(packed.buffer, packed.byteOffset, packed.byteLength / 2);
  const values = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    const start = row * layout.bytes;
    for (let col = 0; col < cols; col++) {
      const scale = fromF16Bits(scales[(start + layout.scalesAt) / 2 + Math.floor(col / groupSize)] ?? 0);
      const byte = packed[start + (format === 'q8' ? col : col >> 1)] ?? 0;
      const shift = format === 'q8' ? 24 : col % 2 ? 24 : 28;
      const q = (byte << shift) >> (format === 'q8' ? 24 : 28);
      values[row * cols + col] = scale * q;
    }
  }
  return values;
}

/** 128 as a half. */
const HALF_128 = 0x5800;

/** Whether every scale of packed rows is below 128, as it must be to be multiplied in panels (`wasm/kernels/packed.ts`). */
export function scalesFit(packed: Uint8Array, cols: number, format: QuantizedFormat): boolean {
  const { groups, scalesAt, bytes } = rowLayout(format, cols);
  const halves = new Uint16Array(packed.buffer, packed.byteOffset, packed.byteLength / 2);
  for (let row = 0; row < packed.byteLength; row += bytes) {
    const first = (row + scalesAt) / 2;
    if (halves.subarray(first, first + groups).some((half) => (half & 0x7fff) >= HALF_128)) return false;
  }
  return true;
}

/** The number farthest from 0, with its sign; NaN if there is one. */
function extremeOf(group: Float32Array): number {
  let extreme = 0;
  for (let i = 0; i < groupSize; i++) {
    const value = group[i] as number;
    if (!(Math.abs(value) <= Math.abs(extreme))) extreme = value;
    if (extreme !== extreme) break;
  }
  return extreme;
}

function packBytes(group: Float32Array, inverse: number, packed: Uint8Array, at: number): void {
  for (let i = 0; i < groupSize; i++) packed[at + i] = Math.floor((group[i] as number) * inverse + 0.5);
}

function packNibbles(group: Float32Array, inverse: number, packed: Uint8Array, at: number): void {
  for (let i = 0; i < groupSize; i += 2) {
    const low = nearestOf16((group[i] as number) * inverse);
    const high = nearestOf16((group[i + 1] as number) * inverse);
    packed[at + i / 2] = (low & 15) | (high << 4);
  }
}

/** The nearest of -8…7. */
function nearestOf16(value: number): number {
  const q = Math.floor(value + 0.5);
  return q > 7 ? 7 : q < -8 ? -8 : q;
}

function scaleOf8(most: number): number {
  const bits = toF16Bits(most / 127);
  return fromF16Bits(bits) * 127 < most ? bits + 1 : bits;
}

/**
 * The candidates for the number of steps from 0 to the group's extreme. On trained weights, five candidates reduce the
 * squared error by 7 % compared with 8 alone, and nineteen by 7.4 %.
 */
const reaches = [7, 7.4, 7.8, 8.2, 8.6] as const;

function scaleOf4(group: Float32Array, extreme: number): number {
  if (extreme === 0) return 0;
  let best = extreme / -8;
  let bestGain = 0;
  for (const reach of reaches) {
    const inverse = -reach / extreme;
    let products = 0;
    let squares = 0;
    for (let i = 0; i < groupSize; i++) {
      const value = group[i] as number;
      const q = nearestOf16(value * inverse);
      products += value * q;
      squares += q * q;
    }
    // The scale with the least squared error for these q is products / squares, and takes off products² / squares.
    const gain = (products * products) / squares;
    if (gain > bestGain) {
      bestGain = gain;
      best = products / squares;
    }
  }
  return toF16Bits(best);
}
