import { defineKernel } from '../kernel.ts';
import half from './half.wgsl?raw';
import { blockOf, headsConstants, type HeadsParams } from './heads.ts';
import heads from './heads.wgsl?raw';
import source from './place-heads.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

/** Projected heads of many rows, finished: normed, rotated, in their place. */
export const placeHeads = defineKernel({
  label: 'place-heads',
  source: [step, rows, half, heads, source].join('\n'),
  bindings: { x: 'read', headGain: 'read', rope: 'read', out: 'write', rows: 'read', step: 'step' },
  constants: (params: HeadsParams) => ({
    ...headsConstants(params, blockOf(params, true)),
    HEADS: params.heads,
    WG: Math.min(64, params.headDim),
  }),
  workgroups: (params, rows) => [params.heads, rows],
});
