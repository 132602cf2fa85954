import { defineKernel } from '../kernel.ts';
import { groupsFor } from './format.ts';
import source from './keep-logits.wgsl?raw';
import shape from './shape.wgsl?raw';

/** The logits once more, for what is measured after the sampler changed them. */
export const keepLogits = defineKernel({
  label: 'keep-logits',
  source: [shape, source].join('\n'),
  bindings: { logits: 'read', kept: 'write', shape: 'shape' },
  constants: () => ({}),
  shape: ({ vocabSize }: { readonly vocabSize: number }) => ({ rows: vocabSize }),
  workgroups: ({ vocabSize }) => [groupsFor(vocabSize, 64)],
});
