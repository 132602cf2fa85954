import { defineKernel } from '../kernel.ts';
import random from './random.wgsl?raw';
import source from './sample.wgsl?raw';
import step from './step.wgsl?raw';

interface SampleParams {
  readonly vocabSize: number;
  readonly workgroup: number;
}

/** The next token, drawn from the logits and written behind the step's position. */
export const sample = defineKernel({
  label: 'sample',
  source: [step, random, source].join('\n'),
  bindings: { logits: 'write', tokens: 'write', seen: 'write', options: 'uniform', step: 'step' },
  constants: ({ vocabSize, workgroup }: SampleParams) => ({ VOCAB: vocabSize, WG: workgroup }),
  workgroups: () => [1],
});
