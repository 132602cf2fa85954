import { defineKernel } from '../kernel.ts';
import type { KvPrecision } from '../../kv/usage.ts';
import { slotsOf, type Slots } from './format.ts';
import source from './movement.wgsl?raw';
import shape from './shape.wgsl?raw';
import slots from './slots.wgsl?raw';
import step from './step.wgsl?raw';

interface MovementParams {
  /** 32-bit words in a cache row. */
  readonly rowWords: number;
  readonly format: KvPrecision;
  readonly slots: Slots;
}

/** How far the step's rows of a cache are from what they were before, added up by row of the turn. */
export const movement = defineKernel({
  label: 'movement',
  source: [step, slots, shape, source].join('\n'),
  bindings: { now: 'read', before: 'read', sums: 'write', shape: 'shape', step: 'step' },
  constants: ({ format, slots }: MovementParams) => ({ HALVES: Number(format === 'f16'), ...slotsOf(slots) }),
  shape: ({ rowWords }) => ({ cols: rowWords }),
  workgroups: (_, rows) => [rows],
});
