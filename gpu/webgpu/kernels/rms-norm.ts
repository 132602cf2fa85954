import { defineKernel } from '../kernel.ts';
import source from './rms-norm.wgsl?raw';
import shape from './shape.wgsl?raw';
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
  source: [step, shape, source].join('\n'),
  bindings: { x: 'read', gain: 'read', y: 'write', shape: 'shape', step: 'step' },
  constants: ({ eps }: RmsNormParams) => ({ EPS: eps }),
  shape: ({ dim, cols }) => ({ cols, dim }),
  workgroups: (_, rows) => [rows],
});
