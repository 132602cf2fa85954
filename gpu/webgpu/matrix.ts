import { offsetStep, type Bound } from './kernel.ts';
import type { MatrixShape } from './kernels/matvec.ts';
import type { Scope } from './memory.ts';
import { rowBytes } from '../numbers/matrix-format.ts';

/**
 * A matrix in GPU memory, rows padded with zeros to a multiple of 8 numbers. One that is larger than what an adapter
 * binds at once lies in several buffers, some rows in each.
 */
export interface Matrix extends MatrixShape {
  readonly parts: readonly MatrixPart[];
}

/** Rows of a matrix, from `firstRow` on, in a buffer of their own: a matrix to the kernels. */
export interface MatrixPart extends MatrixShape {
  readonly firstRow: number;
  readonly buffer: GPUBuffer;
}

/** A product's row `firstRow` must lie where a binding can begin. */
const rowsStep = offsetStep / 4;

export const matrixBytes = ({ rows, cols, type }: MatrixShape) => rows * rowBytes(type, cols);

/**
 * Makes room for a matrix.
 *
 * @param largestBytes most bytes of a part, as far as 64 rows fit into it
 * @throws BackendError `limit-too-small` if they do not
 */
export function allocateMatrix(
  scope: Scope,
  label: string,
  shape: MatrixShape,
  largestBytes: number,
): Matrix {
  const fitting = Math.floor(largestBytes / rowBytes(shape.type, shape.cols));
  const most =
    fitting >= shape.rows ? shape.rows : Math.max(rowsStep, Math.floor(fitting / rowsStep) * rowsStep);
  const parts: MatrixPart[] = [];
  for (let firstRow = 0; firstRow < shape.rows; firstRow += most) {
    const part = { ...shape, rows: Math.min(most, shape.rows - firstRow) };
    const name = most === shape.rows ? label : `${label}/rows-${firstRow}`;
    parts.push({ ...part, firstRow, buffer: scope.storage(name, matrixBytes(part)) });
  }
  return { ...shape, parts };
}

/** The one part of a matrix that lies in one buffer. */
export const wholeOf = ({ parts }: Matrix): MatrixPart | undefined =>
  parts.length === 1 ? parts[0] : undefined;

/** Rows `firstRow` and on of a vector of float32: what a part of a matrix adds to, or writes. */
export const rowsFrom = (vector: GPUBuffer, firstRow: number): Bound =>
  firstRow === 0 ? vector : { buffer: vector, offset: 4 * firstRow };
