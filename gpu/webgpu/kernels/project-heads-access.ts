import { declareColumnsAccess } from './access.ts';
import { headsAccess } from './heads-access.ts';
import { matvecAccess } from './matvec-access.ts';
import { projectHeadsColumns } from './project-heads.ts';

export const projectHeadsAccess = declareColumnsAccess(projectHeadsColumns, (dispatch) => {
  const { constant, shape, step, workgroups } = dispatch;
  const product = matvecAccess(dispatch, shape.rows);
  const heads = headsAccess(dispatch, { blocks: workgroups[1], rows: step.rows });
  const biased = constant('BIASED');
  return {
    loads: {
      ...product.loads,
      ...heads.loads,
      bias: { asked: 4 * shape.rows * biased * step.rows, distinct: 4 * shape.rows * biased },
    },
    barriers: product.barriers + heads.barriers,
    longestLoadChain:
      product.longestLoadChain +
      Math.min(constant('COLUMNS'), step.rows) *
        (biased * Math.ceil(4 / constant('LANES')) + heads.longestLoadChain),
  };
});
