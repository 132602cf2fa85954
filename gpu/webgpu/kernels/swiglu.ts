import { defineKernel } from '../kernel.ts';
import { groupsFor } from './format.ts';
import shape from './shape.wgsl?raw';
import source from './swiglu.wgsl?raw';

interface SwigluParams {
  readonly dim: number;
  /** Numbers in a row of y. */
  readonly yStride: number;
}

/** silu(gate) · up of many rows. */
export const swiglu = defineKernel({
  label: 'swiglu',
  source: [shape, source].join('\n'),
  bindings: { x: 'read', y: 'write', shape: 'shape' },
  constants: () => ({}),
  shape: ({ dim, yStride }: SwigluParams) => ({ dim, yStride }),
  workgroups: ({ dim }, rows) => [groupsFor(dim, 64), rows],
});
