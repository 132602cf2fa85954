import type { MatrixFormat } from '../../numbers/matrix-format.ts';
import { columnCounts, type Columns } from './columns.ts';
import { weightsOf } from './format.ts';

/** A matrix `[rows, cols]` as it lies in a buffer; `cols` is a multiple of 8. */
export interface MatrixShape {
  readonly rows: number;
  readonly cols: number;
  readonly type: MatrixFormat;
}

/** What a matrix is multiplied with; see `matvec.wgsl`. */
export type MatvecInput =
  | { readonly kind: 'plain' }
  | { readonly kind: 'normed'; readonly dim: number; readonly eps: number }
  | { readonly kind: 'splits'; readonly splits: number; readonly heads: number };

/** How a row's work is shared among invocations. */
export interface MatvecTuning {
  readonly workgroup: number;
  /** Invocations for four matrix rows; a power of two that divides the workgroup. */
  readonly lanes: number;
}

/** The constants that `matvec.wgsl` takes. */
export function matvecConstants(matrix: MatrixShape, input: MatvecInput, tuning: MatvecTuning) {
  const shared = {
    ...weightsOf(matrix.type),
    WG: tuning.workgroup,
    LANES: tuning.lanes,
  };
  switch (input.kind) {
    case 'plain':
      return { ...shared, INPUT: 0 };
    case 'normed':
      return { ...shared, INPUT: 1, EPS: input.eps };
    case 'splits':
      // One part needs no merging: it lies where a plain input does.
      return input.splits === 1
        ? { ...shared, INPUT: 0 }
        : { ...shared, INPUT: 2, SPLITS: input.splits, HEADS: input.heads };
  }
}

/** Bytes of workgroup memory for the fractions of an attention's parts: half of what every adapter has. */
const mostFractionBytes = 8192;

/** The most columns, up to those wanted, that a kernel can take with such an input. */
export function fittingColumns(wanted: Columns, input: MatvecInput): Columns {
  if (input.kind !== 'splits' || input.splits === 1) return wanted;
  const bytes = 4 * input.splits * input.heads;
  return columnCounts.findLast((columns) => columns <= wanted && columns * bytes <= mostFractionBytes) ?? 1;
}

/** The shape that goes with `matvecConstants`. */
export const matvecShape = (matrix: MatrixShape, input: MatvecInput) => ({
  rows: matrix.rows,
  cols: matrix.cols,
  dim: input.kind === 'normed' ? input.dim : matrix.cols,
});
