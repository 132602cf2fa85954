import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import source from './project-four.wgsl?raw';
import type { ProjectManyParams } from './project-many.ts';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';

/** The step's rows times a matrix, on a software adapter. */
export const projectFour = defineKernel({
  label: 'project-four',
  source: [step, shape, eight, source].join('\n'),
  bindings: { x: 'read', w: 'read', bias: 'read', y: 'write', shape: 'shape', step: 'step' },
  constants: ({ matrix, add, biased }: ProjectManyParams) => ({
    ...eightsOf(matrix.type),
    ADD: Number(add),
    BIASED: Number(biased),
  }),
  shape: ({ matrix, yStride }) => ({ rows: matrix.rows, cols: matrix.cols, yStride }),
  workgroups: ({ matrix }, rows) => [groupsFor(matrix.rows, 4 * 64), groupsFor(rows, 4)],
});
