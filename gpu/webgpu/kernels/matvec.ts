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

/** Fewer workgroups leave a large GPU idle: two for each of 46 cores are 92. */
export const leastWorkgroups = 128;

/**
 * The largest workgroup, up to that of the tuning, of which so many rows make enough: what it loads of its input serves
 * all of its rows.
 */
export function workgroupFor(rows: number, { workgroup, lanes }: MatvecTuning): MatvecTuning {
  let size = workgroup;
  while (size > lanes && lanes > 1 && (rows / 4) * lanes < size * leastWorkgroups) size /= 2;
  return { workgroup: size, lanes };
}

/** Bytes of workgroup memory that every adapter has. */
const workgroupBytes = 16_384;

/** How a row's work is shared for some columns, in the same workgroup as for one. */
export interface ColumnsTuning extends MatvecTuning {
  /** In which fewer lanes do the work of all of those for one column: then a workgroup takes more matrix rows. */
  readonly turns: Turns;
  /** `vec4f` of a column that lie in workgroup memory at a time; 0 if too few would fit. */
  readonly staged: number;
}

export type Turns = 1 | 2 | 4;

/**
 * Puts the input into workgroup memory if it fits. Sums must be taken as for one column, so every lane of those takes one
 * unit at a time; the more columns there are, the fewer lanes have room for theirs, and the lanes take turns.
 *
 * @param otherBytes of workgroup memory that the kernel uses for something else
 * @param mostTurns  if more rows would be too many for a workgroup
 */
export function tuningForColumns(
  { type }: MatrixShape,
  input: MatvecInput,
  tuning: MatvecTuning,
  columns: Columns,
  otherBytes: (turns: Turns) => number = () => 0,
  mostTurns: Turns = 4,
): ColumnsTuning {
  const { workgroup, lanes } = tuning;
  if (lanes === 1) return { ...tuning, turns: 1, staged: 0 };
  const fractions = input.kind === 'splits' ? columns * input.splits * input.heads : 1;
  const quads = 2 * weightsOf(type).EIGHTS;
  for (const turns of ([1, 2, 4] as const).filter((each) => each <= mostTurns && each < lanes)) {
    const free = workgroupBytes - 20 * workgroup - 4 * fractions - otherBytes(turns);
    const least = (quads * lanes) / turns;
    // Without turns, as much as 512 or 256 for all columns allow: that is fewer barriers.
    const sizes = turns === 1 ? [512 / columns, 256 / columns, least] : [least];
    const staged = sizes.find((one) => one >= least && 16 * columns * (one + 8) <= free);
    if (staged !== undefined) return { workgroup, lanes: lanes / turns, turns, staged };
  }
  return { ...tuning, turns: 1, staged: 0 };
}

/** The constants that `matvec.wgsl` takes. */
export function matvecConstants(matrix: MatrixShape, input: MatvecInput, tuning: ColumnsTuning) {
  const shared = {
    ...weightsOf(matrix.type),
    WG: tuning.workgroup,
    LANES: tuning.lanes,
    TURNS: tuning.turns,
    STAGED: tuning.staged,
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
