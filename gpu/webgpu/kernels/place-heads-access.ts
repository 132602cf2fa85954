import { declareAccess, onceEach } from './access.ts';
import { headsAccess } from './heads-access.ts';
import { placeHeads } from './place-heads.ts';

export const placeHeadsAccess = declareAccess(placeHeads, (dispatch) => {
  const { constant, workgroups } = dispatch;
  const [blocks, rows] = workgroups;
  const heads = headsAccess(dispatch, { blocks, rows });
  return {
    loads: { ...heads.loads, x: onceEach(4 * rows * constant('HEADS') * constant('HEAD_DIM')) },
    barriers: heads.barriers,
    longestLoadChain: Math.ceil(constant('BLOCK') / constant('WG')) + heads.longestLoadChain,
  };
});
