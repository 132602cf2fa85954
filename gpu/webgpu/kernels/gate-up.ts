import { defineKernel } from '../kernel.ts';
import { forColumns, forEachColumns, labelFor } from './columns.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import source from './gate-up.wgsl?raw';
import {
  matvecConstants,
  matvecShape,
  tuningForColumns,
  type MatrixShape,
  type MatvecInput,
  type MatvecTuning,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import shape from './shape.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

interface GateUpParams {
  /** Gate above up: twice the intermediate size of rows. */
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  /** Numbers in a row of y. */
  readonly yStride: number;
  readonly biased: boolean;
  readonly tuning: MatvecTuning;
}

/** Rows through gate and up, and silu(gate) · up, so many at once. */
export const gateUpColumns = forEachColumns((columns) =>
  defineKernel({
    label: labelFor('gate-up', columns),
    source: [shape, eight, weights, forColumns([matvec, source].join('\n'), columns)].join('\n'),
    bindings: { x: 'read', gain: 'read', w: 'read', shape: 'shape', bias: 'read', y: 'write' },
    constants: ({ matrix, input, biased, tuning }: GateUpParams) => ({
      ...matvecConstants(matrix, input, tuningForColumns(matrix, input, tuning, columns)),
      BIASED: Number(biased),
    }),
    shape: ({ matrix, input, yStride }) => ({ ...matvecShape(matrix, input), yStride }),
    workgroups: ({ matrix, input, tuning }, rows) => {
      const { workgroup, lanes } = tuningForColumns(matrix, input, tuning, columns);
      return [groupsFor(rows, columns), groupsFor(matrix.rows / 2, (2 * workgroup) / lanes)];
    },
  }),
);

/** One row through gate and up. */
export const gateUp = gateUpColumns(1);
