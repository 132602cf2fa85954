import type { Address } from '../wasm/kernels.ts';
import type { TrainKernels } from './kernels.ts';

/** A matrix in linear memory, in float32. */
export interface Matrix {
  readonly address: Address;
  readonly rows: number;
  readonly cols: number;
  /** Bytes between the rows that lie in memory. */
  readonly stride: number;
  /** If its columns are what lies in memory as rows. */
  readonly turned: boolean;
}

/** A matrix without gaps between its rows. */
export const matrix = (address: Address, rows: number, cols: number, stride = 4 * cols): Matrix => ({
  address,
  rows,
  cols,
  stride,
  turned: false,
});

/** The transpose; nothing is copied. */
export const turn = ({ rows, cols, turned, ...place }: Matrix): Matrix => ({
  ...place,
  rows: cols,
  cols: rows,
  turned: !turned,
});

/** Multiplies matrices. */
export class Products {
  readonly #kernels: TrainKernels;
  readonly #room: Address;

  /** @param room of `multiplyRoom` bytes */
  constructor(kernels: TrainKernels, room: Address) {
    this.#kernels = kernels;
    this.#room = room;
  }

  /** c = a·b */
  set(c: Matrix, a: Matrix, b: Matrix): void {
    this.#multiply(c, a, b, false);
  }

  /** c += a·b */
  add(c: Matrix, a: Matrix, b: Matrix): void {
    this.#multiply(c, a, b, true);
  }

  #multiply(c: Matrix, a: Matrix, b: Matrix, onto: boolean): void {
    if (a.rows !== c.rows || b.cols !== c.cols || a.cols !== b.rows || c.turned) {
      throw new RangeError(`[${a.rows}, ${a.cols}] · [${b.rows}, ${b.cols}] is not [${c.rows}, ${c.cols}]`);
    }
    this.#kernels.multiply(
      a.rows,
      b.cols,
      a.cols,
      a.address,
      a.stride,
      a.turned,
      b.address,
      b.stride,
      b.turned,
      c.address,
      c.stride,
      onto,
      this.#room,
    );
  }
}
