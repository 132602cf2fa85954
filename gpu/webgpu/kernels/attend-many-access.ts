import { declareAccess, rowEntryBytes, type Dispatch } from './access.ts';
import { attendMany } from './attend-many.ts';
import { visibleKeys } from '../../kv/mask.ts';

/** Of rows at positions that follow each other. */
export const attendManyAccess = declareAccess(attendMany, (dispatch) => {
  const { constant, step, row, workgroups } = dispatch;
  const [headDim, headsHere, lanes] = [constant('HEAD_DIM'), constant('HEADS_HERE'), constant('LANES')];
  const [headGroups, rowGroups] = workgroups;
  const rowsHere = constant('ROWS');
  const mask = {
    windowTokens: constant('WINDOWED') ? step.window : Infinity,
    diagonal: constant('DIAGONAL') === 1,
  };
  const units = headDim / 8;
  const eightBytes = 16 * constant('VECS');
  const keys = 4 * lanes;
  const barriersOfTile = 2 * Math.ceil(units / 2) + 2 + (2 * keys) / constant('PIECE');

  let queriesAsked = 0;
  let keysAsked = 0;
  let rowBytes = 0;
  let barriers = 0;
  let longest = 0;
  for (let group = 0; group < rowGroups; group++) {
    const first = group * rowsHere;
    const rows = Math.min(rowsHere, step.rows - first);
    const { from } = visibleKeys(row.position + first, mask);
    const { to } = visibleKeys(row.position + first + rows - 1, mask);
    const count = Math.max(0, to - from);
    const tiles = Math.ceil(count / keys);
    queriesAsked += tiles * rows;
    keysAsked += count;
    // The first row and the last one, and the position of each query's own.
    rowBytes += constant('WG') * 2 * rowEntryBytes + 4 * lanes * rows * headsHere;
    barriers += tiles * barriersOfTile;
    longest = Math.max(longest, longestChain(dispatch, rows, count));
  }
  const last = step.rows - 1;
  const { from } = visibleKeys(row.position, mask);
  const { to } = visibleKeys(row.position + last, mask);
  const ends = new Set(
    Array.from({ length: rowGroups }, (_, group) => [
      group * rowsHere,
      Math.min(last, (group + 1) * rowsHere - 1),
    ]).flat(),
  );
  const sees = queriesAsked > 0 ? 1 : 0;
  return {
    loads: {
      rows: {
        asked: headGroups * rowBytes,
        distinct: ends.size * rowEntryBytes + 4 * (step.rows - ends.size),
      },
      // Once for every tile of keys.
      q: {
        asked: headGroups * queriesAsked * headsHere * headDim * 4,
        distinct: sees * step.rows * headGroups * headsHere * headDim * 4,
      },
      // Every key and every value once for all queries of a workgroup.
      kv: {
        asked: headGroups * keysAsked * 2 * units * eightBytes,
        distinct: 2 * Math.max(0, to - from) * constant('KV_HEADS') * units * eightBytes,
      },
    },
    barriers: headGroups * barriers,
    longestLoadChain: longest,
  };
});

/** Of the first invocation of a workgroup, which has no fewer loads than the others. */
function longestChain({ constant }: Dispatch, rows: number, count: number): number {
  const [invocations, lanes, piece] = [constant('WG'), constant('LANES'), constant('PIECE')];
  const queries = rows * constant('HEADS_HERE');
  const blocks = (constant('ROWS') * constant('HEADS_HERE')) / 4;
  const units = constant('HEAD_DIM') / 8;
  const keys = 4 * lanes;
  let chain = 2 + [0, 1, 2, 3].filter((i) => i * blocks < queries).length;
  for (let tile = 0; tile < count; tile += keys) {
    const here = Math.min(keys, count - tile);
    const rounds = Math.ceil((4 * queries) / invocations) + Math.ceil((2 * here) / invocations);
    chain += Math.ceil(units / 2) * rounds;
    for (let first = 0; first < here; first += piece) {
      chain += Math.ceil((Math.min(piece, here - first) * units) / invocations);
    }
  }
  return chain;
}
