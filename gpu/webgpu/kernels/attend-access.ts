import { declareAccess, rowEntryBytes } from './access.ts';
import { attend } from './attend.ts';
import { visibleKeys } from '../../kv/mask.ts';

/** Of rows of different sequences that see as many keys as the first. */
export const attendAccess = declareAccess(attend, ({ constant, step, row, workgroups }) => {
  const [invocations, headDim, kvHeads] = [constant('WG'), constant('HEAD_DIM'), constant('KV_HEADS')];
  const [headGroups, splits, rows] = workgroups;
  const windowTokens = constant('WINDOWED') ? step.window : Infinity;
  const { from, to } = visibleKeys(row.position, { windowTokens, diagonal: constant('DIAGONAL') === 1 });
  const keys = Math.max(0, to - from);
  const items = (constant('HEADS_HERE') * headDim) / 4;
  const stripes = Math.floor(invocations / items);
  const eightBytes = 16 * constant('VECS');

  const perSplit = Math.ceil(Math.ceil(keys / constant('MOST_SPLITS')) / invocations) * invocations;
  let tiles = 0;
  let longest = 0;
  for (let split = 0; split < splits; split++) {
    const end = split === splits - 1 ? keys : Math.min(keys, (split + 1) * perSplit);
    let chain = 0;
    for (let tile = split * perSplit; tile < end; tile += invocations) {
      tiles++;
      chain += 1 + Math.ceil(Math.min(invocations, end - tile) / stripes); // the keys at once, values one by one
    }
    longest = Math.max(longest, chain);
  }
  return {
    loads: {
      rows: {
        asked: rows * headGroups * splits * invocations * rowEntryBytes,
        distinct: rows * rowEntryBytes,
      },
      q: { asked: rows * headGroups * splits * items * 16, distinct: rows * headGroups * items * 16 },
      // A key is asked for once, by one invocation; of a value, each quarter of an output asks for eight numbers.
      kv: {
        asked: rows * headGroups * keys * (headDim / 8 + items) * eightBytes,
        distinct: rows * 2 * keys * kvHeads * (headDim / 8) * eightBytes,
      },
    },
    barriers: rows * headGroups * (2 * splits + tiles * (3 + Math.log2(invocations))),
    longestLoadChain: 2 + longest, // the row of the table, and the query
  };
});
