import { f16Table, toF16Bits } from '../numbers/element-type.ts';
import type { KvPrecision } from '../kv/usage.ts';

/** Keys and values by slot, `[rows, (keys, values), kvHeads, headDim]`, in the precision of the cache. Keys are stored rotated. */
export class KvRows {
  readonly rows: number;
  readonly #rowSize: number;
  readonly #stored: Float32Array | Uint16Array;

  constructor(rows: number, rowSize: number, precision: KvPrecision) {
    this.rows = rows;
    this.#rowSize = rowSize;
    this.#stored = precision === 'f16' ? new Uint16Array(rows * rowSize) : new Float32Array(rows * rowSize);
  }

  get bytes(): number {
    return this.#stored.byteLength;
  }

  write(slot: number, row: Float32Array): void {
    const stored = this.#stored instanceof Uint16Array ? Uint16Array.from(row, toF16Bits) : row;
    this.#stored.set(stored, slot * this.#rowSize);
  }

  /** Copies a row, or a part of it, into `into`. */
  read(slot: number, into: Float32Array, from = 0): void {
    const stored = this.#stored;
    const table = f16Table();
    const start = slot * this.#rowSize + from;
    if (stored instanceof Uint16Array) {
      for (let i = 0; i < into.length; i++) into[i] = table[stored[start + i] as number] as number;
    } else {
      into.set(stored.subarray(start, start + into.length));
    }
  }
}
