import { defineKernel } from '../kernel.ts';
import { groupsFor } from './format.ts';
import source from './swiglu.wgsl?raw';

interface SwigluParams {
  readonly dim: number;
  /** Numbers in a row of y. */
  readonly yStride: number;
}

/** silu(gate) · up of many rows. */
export const swiglu = defineKernel({
  label: 'swiglu',
  source,
  bindings: { x: 'read', y: 'write' },
  constants: ({ dim, yStride }: SwigluParams) => ({ DIM: dim, Y_STRIDE: yStride }),
  workgroups: ({ dim }, rows) => [groupsFor(dim, 64), rows],
});
