import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import source from './embed.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import step from './step.wgsl?raw';

/** The embeddings of the step's tokens. */
export const embed = defineKernel({
  label: 'embed',
  source: [step, eight, source].join('\n'),
  bindings: { tokens: 'read', w: 'read', hidden: 'write', step: 'step' },
  constants: (matrix: MatrixShape) => ({ ...eightsOf(matrix.type), COLS: matrix.cols }),
  workgroups: (matrix, rows) => [groupsFor(matrix.cols / 8, 64), rows],
});
