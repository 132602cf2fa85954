import { defineKernel } from '../kernel.ts';
import source from './rms-norm.wgsl?raw';
import step from './step.wgsl?raw';

interface RmsNormParams {
  readonly dim: number;
  /** `dim`, padded to a multiple of 8. */
  readonly cols: number;
  readonly eps: number;
}

/** The step's rows of a turn, normed. */
export const rmsNorm = defineKernel({
  label: 'rms-norm',
  source: [step, source].join('\n'),
  bindings: { x: 'read', gain: 'read', y: 'write', step: 'step' },
  constants: ({ dim, cols, eps }: RmsNormParams) => ({ DIM: dim, COLS: cols, EPS: eps }),
  workgroups: (_, rows) => [rows],
});
