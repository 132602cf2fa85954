import { declareAccess, onceEach } from './access.ts';
import { headsAccess } from './heads-access.ts';
import { matvecAccess } from './matvec-access.ts';
import { projectHeads } from './project-heads.ts';

export const projectHeadsAccess = declareAccess(projectHeads, (dispatch) => {
  const { constant, shape } = dispatch;
  const product = matvecAccess(dispatch, shape.rows);
  const heads = headsAccess(dispatch);
  const biased = constant('BIASED');
  return {
    loads: { ...product.loads, ...heads.loads, bias: onceEach(4 * shape.rows * biased) },
    barriers: product.barriers + heads.barriers,
    longestLoadChain:
      product.longestLoadChain + biased * Math.ceil(4 / constant('LANES')) + heads.longestLoadChain,
  };
});
