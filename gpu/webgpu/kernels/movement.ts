import { defineKernel } from '../kernel.ts';
import type { KvPrecision } from '../../kv/usage.ts';
import source from './movement.wgsl?raw';
import shape from './shape.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

interface MovementParams {
  /** 32-bit words in a row of a store. */
  readonly rowWords: number;
  readonly format: KvPrecision;
}

/** How far the step's rows of a cache are from what they were before, added up by row of the turn. */
export const movement = defineKernel({
  label: 'movement',
  source: [step, rows, shape, source].join('\n'),
  bindings: { now: 'read', before: 'read', sums: 'write', rows: 'read', shape: 'shape', step: 'step' },
  constants: ({ format }: MovementParams) => ({ HALVES: Number(format === 'f16') }),
  shape: ({ rowWords }) => ({ cols: rowWords }),
  workgroups: (_, rows) => [rows],
});
