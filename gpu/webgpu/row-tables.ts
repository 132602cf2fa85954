import { packRow, ROW_WORDS, rowAt } from '../kv/rows.ts';
import type { SlotKind, SlotLayout } from '../kv/slots.ts';
import { offsetStep, type Bound } from './kernel.ts';

/**
 * The rows of a dispatch as its kernels read them: one table for each kind of store, because only the slots differ
 * between them. All tables lie in one buffer, so that a decoding step writes them at once.
 */
export class RowTables {
  readonly #layouts: readonly SlotLayout[];
  readonly #tableBytes: number;

  /** @param rows rows in each table */
  constructor(layouts: readonly SlotLayout[], rows: number) {
    this.#layouts = layouts;
    this.#tableBytes = Math.ceil((4 * ROW_WORDS * rows) / offsetStep) * offsetStep;
  }

  /** Bytes of all tables. */
  get bytes(): number {
    return this.#layouts.length * this.#tableBytes;
  }

  /** Where in `buffer` the table of a kind of store lies. */
  tableOf(buffer: GPUBuffer, kind: SlotKind): Bound {
    const index = this.#layouts.findIndex((layout) => layout.kind === kind);
    if (index < 0) throw new RangeError(`no row table for ${kind} stores`);
    return { buffer, offset: index * this.#tableBytes };
  }

  /** The tables of the positions from `first` on. */
  pack(first: number, count: number): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(this.bytes / 4);
    this.#layouts.forEach((layout, index) => {
      const table = words.subarray((index * this.#tableBytes) / 4);
      for (let row = 0; row < count; row++) packRow(table, row, rowAt(layout, first + row));
    });
    return words;
  }
}
