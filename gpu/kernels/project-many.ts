import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import source from './project-many.wgsl?raw';
import shape from './shape.wgsl?raw';
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
  source: [step, shape, eight, source].join('\n'),
  bindings: { x: 'read', w: 'read', bias: 'read', y: 'write', shape: 'shape', step: 'step' },
  constants: ({ matrix, add, biased, side }: ProjectManyParams) => ({
    ...eightsOf(matrix.type),
    SIDE: side,
    ADD: Number(add),
    BIASED: Number(biased),
  }),
  shape: ({ matrix, yStride }) => ({ rows: matrix.rows, cols: matrix.cols, yStride }),
  workgroups: ({ matrix, side }, rows) => [groupsFor(matrix.rows, 4 * side), groupsFor(rows, 4 * side)],
});
