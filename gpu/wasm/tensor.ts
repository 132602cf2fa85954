import { PANEL_ROWS, padded } from '../numbers/panels.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';

/** Rows and columns; a vector is one row, padded with zeros, in float32. */
interface Shape {
  readonly rows: number;
  readonly cols: number;
  readonly vector: boolean;
}

/** A matrix in panels (`kernels/project.ts`), or a vector, in the memory of WebAssembly. */
export class WasmTensor implements Shape {
  readonly rows: number;
  readonly cols: number;
  readonly vector: boolean;
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  #address: Address = 0;
  #half = false;

  constructor(memory: LinearMemory, kernels: Kernels, { rows, cols, vector }: Shape) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.rows = rows;
    this.cols = cols;
    this.vector = vector;
  }

  get address(): Address {
    return this.#address;
  }

  /** Whether 16 bits hold each number: true if all are halves, whatever the checkpoint calls them. */
  get half(): boolean {
    return this.#half;
  }

  get panels(): number {
    return padded(this.rows) / PANEL_ROWS;
  }

  get bytes(): number {
    return this.#address === 0 ? 0 : this.#bytesAs(this.#half);
  }

  /**
   * Puts whole rows, from `firstRow` on.
   *
   * @throws BackendError `out-of-memory`
   */
  put(firstRow: number, values: Float32Array): void {
    if (this.vector) {
      this.#address ||= this.#allocate(false);
      this.#memory.floats(this.#address, this.cols).set(values);
      return;
    }
    this.#withPiece(values.length, (piece) => {
      this.#memory.floats(piece, values.length).set(values);
      const half = this.#kernels.areHalves(piece, values.length) === 1;
      if (this.#address === 0) {
        this.#half = half;
        this.#address = this.#allocate(half);
      } else if (this.#half && !half) this.#widen();
      this.#kernels.putRows(this.#half, this.#address, this.cols, firstRow, piece, values.length / this.cols);
    });
  }

  /** Every number, `[rows, cols]`. */
  values(): Float32Array {
    if (this.vector) return this.#memory.floats(this.#address, this.cols).slice();
    return this.#withPiece(this.rows * this.cols, (piece) => {
      this.copyRows(0, this.rows, piece);
      return this.#memory.floats(piece, this.rows * this.cols).slice();
    });
  }

  /** Copies rows as float32 to `into`. */
  copyRows(firstRow: number, rows: number, into: Address): void {
    this.#kernels.getRows(this.#half, this.#address, this.cols, firstRow, into, rows);
  }

  free(): void {
    this.#memory.free(this.#address);
    this.#address = 0;
  }

  /** Converts a matrix of halves to float32. */
  #widen(): void {
    const wide = this.#allocate(false);
    this.#withPiece(PANEL_ROWS * this.cols, (piece) => {
      for (let row = 0; row < this.rows; row += PANEL_ROWS) {
        const rows = Math.min(PANEL_ROWS, this.rows - row);
        this.copyRows(row, rows, piece);
        this.#kernels.putRows(false, wide, this.cols, row, piece, rows);
      }
    });
    this.free();
    this.#address = wide;
    this.#half = false;
  }

  #withPiece<T>(numbers: number, work: (piece: Address) => T): T {
    const piece = this.#memory.allocate('a piece of the weights', 4 * numbers);
    try {
      return work(piece);
    } finally {
      this.#memory.free(piece);
    }
  }

  #allocate(half: boolean): Address {
    return this.#memory.allocate('weights', this.#bytesAs(half));
  }

  #bytesAs(half: boolean): number {
    return this.vector ? 4 * padded(this.cols) : padded(this.rows) * this.cols * (half ? 2 : 4);
  }
}
