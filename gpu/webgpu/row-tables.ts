import { packRow, ROW_WORDS, type Row } from '../kv/rows.ts';
import { offsetStep, type Bound } from './kernel.ts';

/** Bytes of a table: the next one begins where a binding can. */
export const tableBytes = (rows: number) => Math.ceil((4 * ROW_WORDS * rows) / offsetStep) * offsetStep;

/** Says which row a position is, for the stores that share a table, and as which row of a step. */
export type RowAt = (position: number, row: number) => Row;

/**
 * The rows of a dispatch as its kernels read them: one table for each kind of store, because slots and angles differ
 * between them. All tables lie in one buffer, so that a decoding step writes them at once.
 */
export class RowTables {
  readonly #tables: ReadonlyMap<string, RowAt>;
  readonly #tableBytes: number;

  /** @param rows rows in each table */
  constructor(tables: ReadonlyMap<string, RowAt>, rows: number) {
    this.#tables = tables;
    this.#tableBytes = tableBytes(rows);
  }

  /** Bytes of all tables. */
  get bytes(): number {
    return this.#tables.size * this.#tableBytes;
  }

  /** Where in `buffer` a table lies. */
  tableOf(buffer: GPUBuffer, name: string): Bound {
    const index = [...this.#tables.keys()].indexOf(name);
    if (index < 0) throw new RangeError(`no row table ${name}`);
    return { buffer, offset: index * this.#tableBytes };
  }

  /** The tables of the positions from `first` on. */
  pack(first: number, count: number): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(this.bytes / 4);
    for (let row = 0; row < count; row++) this.put(words, row, first + row);
    return words;
  }

  /** Makes a row of all tables that of a position. */
  put(words: Uint32Array, row: number, position: number): void {
    [...this.#tables.values()].forEach((rowOf, index) => {
      packRow(words.subarray((index * this.#tableBytes) / 4), row, rowOf(position, row));
    });
  }
}
