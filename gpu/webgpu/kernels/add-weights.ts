import { defineKernel } from '../kernel.ts';
import source from './add-weights.wgsl?raw';
import eight from './eight.wgsl?raw';
import { groupsFor, weightsOf } from './format.ts';
import half from './half.wgsl?raw';
import type { MatrixShape } from './matvec.ts';
import shape from './shape.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

interface AddWeightsParams {
  readonly matrix: MatrixShape;
  readonly first: boolean;
  readonly last: boolean;
  /** Matrices in the mean. */
  readonly count: number;
  /** Round the mean to half precision. */
  readonly halves: boolean;
}

const unitsOf = ({ rows, cols }: MatrixShape) => (rows * cols) / 8;
const widest = 32768; // workgroups in a row of the grid

/** One matrix of a mean. */
export const addWeights = defineKernel({
  label: 'add-weights',
  source: [shape, eight, weights, half, source].join('\n'),
  bindings: { w: 'read', y: 'write', shape: 'shape' },
  constants: ({ matrix, first, last, halves }: AddWeightsParams) => ({
    ...weightsOf(matrix.type),
    FIRST: Number(first),
    LAST: Number(last),
    HALVES: Number(halves),
  }),
  shape: ({ matrix, count }) => ({ rows: matrix.rows, cols: matrix.cols, dim: count }),
  workgroups: ({ matrix }) => {
    const groups = groupsFor(unitsOf(matrix), 64);
    return [Math.min(groups, widest), groupsFor(groups, widest)];
  },
});
