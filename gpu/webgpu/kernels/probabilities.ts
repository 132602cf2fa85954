import { defineKernel } from '../kernel.ts';
import source from './probabilities.wgsl?raw';
import shape from './shape.wgsl?raw';
import rows from './rows.wgsl?raw';

interface ProbabilitiesParams {
  readonly vocabSize: number;
  readonly workgroup: number;
}

/** What the raw distribution says about the token that was drawn for the row. */
export const probabilities = defineKernel({
  label: 'probabilities',
  source: [rows, shape, source].join('\n'),
  bindings: { logits: 'read', tokens: 'read', probabilities: 'write', shape: 'shape', rows: 'read' },
  constants: ({ workgroup }: ProbabilitiesParams) => ({ WG: workgroup }),
  shape: ({ vocabSize }) => ({ rows: vocabSize }),
  workgroups: () => [1],
});
