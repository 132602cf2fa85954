import { defineKernel } from '../kernel.ts';
import { forColumns, forEachColumns, labelFor } from './columns.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import {
  matvecConstants,
  matvecShape,
  tuningForColumns,
  type MatrixShape,
  type MatvecInput,
  type MatvecTuning,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import source from './project.wgsl?raw';
import shape from './shape.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

interface ProjectParams {
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  /** Numbers in a row of y. */
  readonly yStride: number;
  readonly add: boolean;
  readonly biased: boolean;
  readonly tuning: MatvecTuning;
}

/** Rows times a matrix, so many at once. */
export const projectColumns = forEachColumns((columns) =>
  defineKernel({
    label: labelFor('project', columns),
    source: [shape, eight, weights, forColumns([matvec, source].join('\n'), columns)].join('\n'),
    bindings: { x: 'read', gain: 'read', w: 'read', shape: 'shape', bias: 'read', y: 'write' },
    constants: ({ matrix, input, add, biased, tuning }: ProjectParams) => ({
      ...matvecConstants(matrix, input, tuningForColumns(matrix, input, tuning, columns)),
      ADD: Number(add),
      BIASED: Number(biased),
    }),
    shape: ({ matrix, input, yStride }) => ({ ...matvecShape(matrix, input), yStride }),
    workgroups: ({ matrix, input, tuning }, rows) => {
      const { workgroup, lanes } = tuningForColumns(matrix, input, tuning, columns);
      return [groupsFor(rows, columns), groupsFor(matrix.rows, (4 * workgroup) / lanes)];
    },
  }),
);

/** One row times a matrix. */
export const project = projectColumns(1);
