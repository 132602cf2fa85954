import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import source from './embed.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';

/** The embeddings of the step's tokens. */
export const embed = defineKernel({
  label: 'embed',
  source: [step, shape, eight, source].join('\n'),
  bindings: { tokens: 'read', w: 'read', hidden: 'write', shape: 'shape', step: 'step' },
  constants: (matrix: MatrixShape) => ({ ...eightsOf(matrix.type) }),
  shape: (matrix) => ({ rows: matrix.rows, cols: matrix.cols }),
  workgroups: (matrix, rows) => [groupsFor(matrix.cols / 8, 64), rows],
});
