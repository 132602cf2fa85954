import { defineKernel } from '../kernel.ts';
import source from './copy-rows.wgsl?raw';
import { groupsFor } from './format.ts';

interface CopyRowsParams {
  /** 32-bit words in a row of a store. */
  readonly rowWords: number;
}

/** Rows of one store to slots of another, by a list of slots `[rows, (from, to)]`. */
export const copyRows = defineKernel({
  label: 'copy-rows',
  source,
  bindings: { source: 'read', sink: 'write', copies: 'read' },
  constants: ({ rowWords }: CopyRowsParams) => ({ ROW_WORDS: rowWords }),
  workgroups: ({ rowWords }, rows) => [groupsFor(rowWords, 64), rows],
});
