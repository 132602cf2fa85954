import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import source from './project-many.wgsl?raw';
import step from './step.wgsl?raw';

interface ProjectManyParams {
  readonly matrix: MatrixShape;
  /** Numbers in a row of y. */
  readonly yStride: number;
  /** Onto the turn's rows of y. */
  readonly add: boolean;
  readonly biased: boolean;
  /** The workgroup is `side` × `side`. */
  readonly side: number;
}

/** The step's rows times a matrix. */
export const projectMany = defineKernel({
  label: 'project-many',
  source: [step, eight, source].join('\n'),
  bindings: { x: 'read', w: 'read', bias: 'read', y: 'write', step: 'step' },
  constants: ({ matrix, yStride, add, biased, side }: ProjectManyParams) => ({
    ...eightsOf(matrix.type),
    SIDE: side,
    ROWS: matrix.rows,
    COLS: matrix.cols,
    Y_STRIDE: yStride,
    ADD: Number(add),
    BIASED: Number(biased),
  }),
  workgroups: ({ matrix, side }, rows) => [groupsFor(matrix.rows, 4 * side), groupsFor(rows, 4 * side)],
});
