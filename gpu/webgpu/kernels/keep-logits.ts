import { defineKernel } from '../kernel.ts';
import { groupsFor } from './format.ts';
import source from './keep-logits.wgsl?raw';
import shape from './shape.wgsl?raw';

/** A copy of the logits, for the probabilities: the sampler changes the logits in place. */
export const keepLogits = defineKernel({
  label: 'keep-logits',
  source: [shape, source].join('\n'),
  bindings: { logits: 'read', kept: 'write', shape: 'shape' },
  constants: () => ({}),
  shape: ({ vocabSize }: { readonly vocabSize: number }) => ({ rows: vocabSize }),
  workgroups: ({ vocabSize }) => [groupsFor(vocabSize, 64)],
});
