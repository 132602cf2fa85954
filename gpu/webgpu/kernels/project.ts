import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import {
  matvecConstants,
  matvecShape,
  type MatrixShape,
  type MatvecInput,
  type MatvecTuning,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import source from './project.wgsl?raw';
import shape from './shape.wgsl?raw';
import weights from './weights.wgsl?raw';

interface ProjectParams {
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  readonly add: boolean;
  readonly biased: boolean;
  readonly tuning: MatvecTuning;
}

/** One row times a matrix. */
export const project = defineKernel({
  label: 'project',
  source: [shape, eight, weights, matvec, source].join('\n'),
  bindings: { x: 'read', gain: 'read', w: 'read', shape: 'shape', bias: 'read', y: 'write' },
  constants: ({ matrix, input, add, biased, tuning }: ProjectParams) => ({
    ...matvecConstants(matrix, input, tuning),
    ADD: Number(add),
    BIASED: Number(biased),
  }),
  shape: ({ matrix, input }) => matvecShape(matrix, input),
  workgroups: ({ matrix, tuning }) => [groupsFor(matrix.rows, (4 * tuning.workgroup) / tuning.lanes)],
});
