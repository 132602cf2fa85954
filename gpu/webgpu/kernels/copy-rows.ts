import { defineKernel } from '../kernel.ts';
import source from './copy-rows.wgsl?raw';
import { groupsFor } from './format.ts';
import step from './step.wgsl?raw';

interface CopyRowsParams {
  /** 32-bit words in a cache row. */
  readonly rowWords: number;
  readonly fromRing: boolean;
}

/** Cache rows of the step's positions, from a ring to a prefill's scratch cache, or back. */
export const copyRows = defineKernel({
  label: 'copy-rows',
  source: [step, source].join('\n'),
  bindings: { source: 'read', sink: 'write', step: 'step' },
  constants: ({ rowWords, fromRing }: CopyRowsParams) => ({
    ROW_WORDS: rowWords,
    FROM_RING: Number(fromRing),
  }),
  workgroups: ({ rowWords }, rows) => [groupsFor(rowWords, 64), rows],
});
