import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import source from './gate-up.wgsl?raw';
import {
  matvecConstants,
  matvecShape,
  type MatrixShape,
  type MatvecInput,
  type MatvecTuning,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import shape from './shape.wgsl?raw';
import weights from './weights.wgsl?raw';

interface GateUpParams {
  /** Gate above up: twice the intermediate size of rows. */
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  readonly biased: boolean;
  readonly tuning: MatvecTuning;
}

/** One row through gate and up, and silu(gate) · up. */
export const gateUp = defineKernel({
  label: 'gate-up',
  source: [shape, eight, weights, matvec, source].join('\n'),
  bindings: { x: 'read', gain: 'read', w: 'read', shape: 'shape', bias: 'read', y: 'write' },
  constants: ({ matrix, input, biased, tuning }: GateUpParams) => ({
    ...matvecConstants(matrix, input, tuning),
    BIASED: Number(biased),
  }),
  shape: ({ matrix, input }) => matvecShape(matrix, input),
  workgroups: ({ matrix, tuning }) => [groupsFor(matrix.rows / 2, (2 * tuning.workgroup) / tuning.lanes)],
});
