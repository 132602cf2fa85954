import { rowEntryBytes, type Access, type Dispatch } from './access.ts';

/** What `finishBlock` of `heads.wgsl` loads for rows at different positions, with one block of a row at a time. */
export function headsAccess(
  { constant }: Dispatch,
  { blocks, rows }: { readonly blocks: number; readonly rows: number },
): Access<'headGain' | 'rope' | 'rows'> {
  const [headDim, rotatedHeads] = [constant('HEAD_DIM'), constant('ROTATED_HEADS')];
  const rotated = rows * rotatedHeads * headDim;
  const anyRotated = Math.min(1, rotatedHeads);
  const normed = constant('NORMED');
  return {
    loads: {
      rows: { asked: blocks * rows * constant('WG') * rowEntryBytes, distinct: rows * rowEntryBytes },
      // Both elements of a pair ask for its angle, and for the gains of both.
      rope: { asked: 8 * rotated, distinct: 4 * rows * anyRotated * headDim },
      headGain: { asked: 8 * normed * rotated, distinct: 4 * normed * anyRotated * headDim },
    },
    barriers: 2 * blocks * rows,
    longestLoadChain: 1 + anyRotated * Math.ceil(constant('BLOCK') / constant('WG')),
  };
}
