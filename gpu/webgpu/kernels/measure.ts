import { defineKernel } from '../kernel.ts';
import { ALTERNATIVES } from '../../plan/token-measure.ts';
import source from './measure.wgsl?raw';
import shape from './shape.wgsl?raw';
import rows from './rows.wgsl?raw';

interface MeasureParams {
  readonly vocabSize: number;
  readonly workgroup: number;
}

/** 32-bit words of a `Measure`. */
export const measureWords = 4 + 2 * ALTERNATIVES;

/** What the raw distribution says of the token that was drawn for the row. */
export const measure = defineKernel({
  label: 'measure',
  source: [rows, shape, source].join('\n'),
  bindings: { logits: 'read', tokens: 'read', measure: 'write', shape: 'shape', rows: 'read' },
  constants: ({ workgroup }: MeasureParams) => ({ WG: workgroup }),
  shape: ({ vocabSize }) => ({ rows: vocabSize }),
  workgroups: () => [1],
});
