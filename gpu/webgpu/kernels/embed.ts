import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import source from './embed.wgsl?raw';
import { groupsFor, weightsOf } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import rows from './rows.wgsl?raw';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

/** Rows of the table of embeddings: all, or those from `firstRow` on. */
interface EmbedParams extends MatrixShape {
  readonly firstRow?: number;
  /** Room for tokens of a sequence. */
  readonly tokenPlaces: number;
}

/** The embeddings of those of the step's tokens that the table's rows are of. */
export const embed = defineKernel({
  label: 'embed',
  source: [step, rows, shape, eight, weights, source].join('\n'),
  bindings: { tokens: 'read', w: 'read', hidden: 'write', rows: 'read', shape: 'shape', step: 'step' },
  constants: (matrix: EmbedParams) => ({ ...weightsOf(matrix.type) }),
  shape: (matrix) => ({
    rows: matrix.rows,
    cols: matrix.cols,
    dim: matrix.firstRow ?? 0,
    yStride: matrix.tokenPlaces,
  }),
  workgroups: (matrix, rows) => [groupsFor(matrix.cols / 8, 64), rows],
});
