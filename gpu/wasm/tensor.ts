import { isQuantized } from '../numbers/matrix-format.ts';
import { matrixBytes, PANEL_ROWS, padded, type PanelFormat } from '../numbers/panels.ts';
import { dequantizeRows, rowLayout, type QuantizedFormat } from '../numbers/quantize.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';

/** Rows and columns; a vector is one row, padded with zeros, in float32. */
interface Shape {
  readonly rows: number;
  readonly cols: number;
  readonly vector: boolean;
}

/** A matrix in panels (`kernels/project.ts`, `kernels/packed.ts`), or a vector, in the memory of WebAssembly. */
export class WasmTensor implements Shape {
  readonly rows: number;
  readonly cols: number;
  readonly vector: boolean;
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  #address: Address = 0;
  #format: PanelFormat = 'f32';

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

  /** What its numbers allow: `f16` if all are halves, whatever the checkpoint calls them. */
  get format(): PanelFormat {
    return this.#format;
  }

  get panels(): number {
    return padded(this.rows) / PANEL_ROWS;
  }

  get bytes(): number {
    return this.#address === 0 ? 0 : this.#bytesAs(this.#format);
  }

  /**
   * Puts whole rows, from `firstRow` on.
   *
   * @throws BackendError `out-of-memory`
   */
  put(firstRow: number, values: Float32Array): void {
    if (this.vector) {
      this.#startAs('f32');
      this.#memory.floats(this.#address, this.cols).set(values);
      return;
    }
    this.#withPiece(4 * values.length, (piece) => {
      this.#memory.floats(piece, values.length).set(values);
      const half = this.#kernels.areHalves(piece, values.length) === 1;
      this.#startAs(half ? 'f16' : 'f32');
      if (this.#format !== 'f32' && !(half && this.#format === 'f16')) this.#widen();
      this.#putFloats(firstRow, piece, values.length / this.cols);
    });
  }

  /**
   * Puts whole rows, as `numbers/quantize.ts` packs them. They stay packed, unless a scale is 128 or more.
   *
   * @throws BackendError `out-of-memory`
   */
  putPacked(firstRow: number, packed: Uint8Array, format: QuantizedFormat): void {
    const rowBytes = rowLayout(format, this.cols).bytes;
    const rows = packed.length / rowBytes;
    const fit = this.#withPiece(packed.length, (piece) => {
      this.#memory.bytes(piece, packed.length).set(packed);
      const [q8, cols] = [format === 'q8', this.cols];
      if (this.#kernels.scalesFit(q8, cols, piece, rowBytes, rows) !== 1) return false;
      this.#startAs(format);
      if (this.#format !== format) return false;
      this.#kernels.putPacked(q8, this.#address, cols, firstRow, piece, rowBytes, rows);
      return true;
    });
    if (fit) return;
    if (this.#address !== 0 && this.#format !== 'f32') this.#widen();
    this.#startAs('f32');
    this.put(firstRow, dequantizeRows(packed, this.cols, format));
  }

  /** Every number, `[rows, cols]`. */
  values(): Float32Array {
    if (this.vector) return this.#memory.floats(this.#address, this.cols).slice();
    return this.#withPiece(4 * this.rows * this.cols, (piece) => {
      this.copyRows(0, this.rows, piece);
      return this.#memory.floats(piece, this.rows * this.cols).slice();
    });
  }

  /** Copies rows as float32 to `into`. */
  copyRows(firstRow: number, rows: number, into: Address): void {
    const [format, kernels] = [this.#format, this.#kernels];
    if (isQuantized(format)) {
      kernels.getPacked(format === 'q8', this.#address, this.cols, firstRow, into, rows);
    } else kernels.getRows(format === 'f16', this.#address, this.cols, firstRow, into, rows);
  }

  free(): void {
    this.#memory.free(this.#address);
    this.#address = 0;
  }

  /** Makes room at the first rows, whose format the tensor has from then on. */
  #startAs(format: PanelFormat): void {
    if (this.#address !== 0) return;
    this.#address = this.#allocate(format);
    this.#format = format;
  }

  #putFloats(firstRow: number, from: Address, rows: number): void {
    this.#kernels.putRows(this.#format === 'f16', this.#address, this.cols, firstRow, from, rows);
  }

  /** Converts a matrix to float32. */
  #widen(): void {
    const wide = this.#allocate('f32');
    this.#withPiece(4 * PANEL_ROWS * this.cols, (piece) => {
      for (let row = 0; row < this.rows; row += PANEL_ROWS) {
        const rows = Math.min(PANEL_ROWS, this.rows - row);
        this.copyRows(row, rows, piece);
        this.#kernels.putRows(false, wide, this.cols, row, piece, rows);
      }
    });
    this.free();
    this.#address = wide;
    this.#format = 'f32';
  }

  #withPiece<T>(bytes: number, work: (piece: Address) => T): T {
    const piece = this.#memory.allocate('a piece of the weights', bytes);
    try {
      return work(piece);
    } finally {
      this.#memory.free(piece);
    }
  }

  #allocate(format: PanelFormat): Address {
    return this.#memory.allocate('weights', this.#bytesAs(format));
  }

  #bytesAs(format: PanelFormat): number {
    return this.vector ? 4 * padded(this.cols) : matrixBytes(this.rows, this.cols, format);
  }
}
