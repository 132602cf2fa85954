import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { groupsFor, weightsOf } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import source from './project-many.wgsl?raw';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';
import weights from './weights.wgsl?raw';

export interface ProjectManyParams {
  readonly matrix: MatrixShape;
  /** Numbers in a row of y. */
  readonly yStride: number;
  /** Onto the turn's rows of y. */
  readonly add: boolean;
  readonly biased: boolean;
}

const tile = 64; // 4 · SIDE in the shader

/** The step's rows times a matrix. */
export const projectMany = defineKernel({
  label: 'project-many',
  source: [step, shape, eight, weights, source].join('\n'),
  bindings: { x: 'read', w: 'read', bias: 'read', y: 'write', shape: 'shape', step: 'step' },
  constants: ({ matrix, add, biased }: ProjectManyParams) => ({
    ...weightsOf(matrix.type),
    ADD: Number(add),
    BIASED: Number(biased),
  }),
  shape: ({ matrix, yStride }) => ({ rows: matrix.rows, cols: matrix.cols, yStride }),
  workgroups: ({ matrix }, rows) => [groupsFor(matrix.rows, tile), groupsFor(rows, tile)],
});
