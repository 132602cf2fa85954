import { declareAccess, rowEntryBytes } from './access.ts';
import { attendOnce } from './attend-once.ts';
import { visibleKeys } from '../../kv/mask.ts';

/** Keys whose values an invocation loads at once. */
const VALUES_AT_ONCE = 8;

/** Of rows of different sequences that see as many keys as the first. */
export const attendOnceAccess = declareAccess(attendOnce, ({ constant, step, row, workgroups }) => {
  const [invocations, headDim, kvHeads] = [constant('WG'), constant('HEAD_DIM'), constant('KV_HEADS')];
  const headsHere = constant('HEADS_HERE');
  const [headGroups, splits, rows] = workgroups;
  const windowTokens = constant('WINDOWED') ? step.window : Infinity;
  const { from, to } = visibleKeys(row.position, { windowTokens, diagonal: constant('DIAGONAL') === 1 });
  const keys = Math.max(0, to - from);
  const units = headDim / 8;
  const items = Math.ceil(headsHere / 4) * units;
  const stripes = Math.floor(invocations / items);
  const vecs = constant('VECS');

  let [tiles, values, longest] = [0, 0, 0];
  const perSplit = Math.ceil(Math.ceil(keys / constant('MOST_SPLITS')) / invocations) * invocations;
  for (let split = 0; split < splits; split++) {
    const end = split === splits - 1 ? keys : Math.min(keys, (split + 1) * perSplit);
    let chain = 0;
    for (let tile = split * perSplit; tile < end; tile += invocations) {
      const count = Math.min(invocations, end - tile);
      tiles++;
      values += valuesAskedFor(count, stripes, vecs);
      chain += 1 + Math.ceil(count / (VALUES_AT_ONCE * stripes));
    }
    longest = Math.max(longest, chain);
  }
  const query = headsHere * headDim * 4;
  return {
    loads: {
      rows: {
        asked: rows * headGroups * splits * invocations * rowEntryBytes,
        distinct: rows * rowEntryBytes,
      },
      q: { asked: rows * headGroups * splits * query, distinct: rows * headGroups * query },
      // A key is asked for once by a workgroup, and a value once for every four heads.
      kv: {
        asked: rows * headGroups * (keys * units + values * items) * 16 * vecs,
        distinct: rows * 2 * keys * kvHeads * units * 16 * vecs,
      },
    },
    barriers: rows * headGroups * barriersOf(invocations, headsHere, splits, tiles),
    longestLoadChain: 1 + Math.ceil(query / 16 / invocations) + longest,
  };
});

/** By an item of all stripes, in a tile of so many keys. Past the last key it asks for that one, once if nothing lies between. */
function valuesAskedFor(count: number, stripes: number, vecs: number): number {
  let asked = 0;
  for (let stripe = 0; stripe < Math.min(stripes, count); stripe++) {
    for (let i = stripe; i < count; i += VALUES_AT_ONCE * stripes) {
      const own = Math.min(VALUES_AT_ONCE, Math.ceil((count - i) / stripes));
      const others = VALUES_AT_ONCE - own;
      const isLast = i + (own - 1) * stripes === count - 1;
      asked += own + (vecs > 1 ? others : others > 0 && !isLast ? 1 : 0);
    }
  }
  return asked;
}

function barriersOf(invocations: number, headsHere: number, splits: number, tiles: number): number {
  const reduce = 1 + Math.ceil(Math.log2(invocations) / 2);
  return splits * (1 + reduce + 1 + 2 * Math.min(4, headsHere)) + tiles * (reduce + 2);
}
