import { defineKernel } from '../kernel.ts';
import random from './random.wgsl?raw';
import rows from './rows.wgsl?raw';
import source from './sample.wgsl?raw';
import shape from './shape.wgsl?raw';

interface SampleParams {
  readonly vocabSize: number;
  /** Room for tokens of a sequence. */
  readonly tokenPlaces: number;
  readonly workgroup: number;
}

/** What the kernel writes instead of a token if some logit is not finite. */
export const NOT_FINITE = 0xffffffff;

/** The next token of each row's sequence, drawn from the logits and written behind the row's position. */
export const sample = defineKernel({
  label: 'sample',
  source: [rows, shape, random, source].join('\n'),
  bindings: {
    logits: 'write',
    tokens: 'write',
    seen: 'write',
    options: 'read',
    shape: 'shape',
    rows: 'read',
    drawn: 'write',
  },
  constants: ({ workgroup }: SampleParams) => ({ WG: workgroup }),
  shape: ({ vocabSize, tokenPlaces }) => ({ rows: vocabSize, yStride: tokenPlaces }),
  workgroups: (_, rows) => [rows],
});
