import { defineKernel } from '../kernel.ts';
import source from './likelihood.wgsl?raw';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';

interface LikelihoodParams {
  readonly vocabSize: number;
  readonly workgroup: number;
}

/** Every adapter accepts as many. */
const mostWorkgroups = 65_535;

/** What the logits say about wanted tokens: log-probability and rank. The rows of a step are wanted tokens. */
export const likelihood = defineKernel({
  label: 'likelihood',
  source: [shape, step, source].join('\n'),
  bindings: { logits: 'read', wanted: 'read', likelihoods: 'write', shape: 'shape', step: 'step' },
  constants: ({ workgroup }: LikelihoodParams) => ({ WG: workgroup }),
  shape: ({ vocabSize }) => ({ rows: vocabSize }),
  workgroups: (_, tokens) => [Math.min(tokens, mostWorkgroups)],
});
