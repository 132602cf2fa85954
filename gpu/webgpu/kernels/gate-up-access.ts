import { declareColumnsAccess } from './access.ts';
import { gateUpColumns } from './gate-up.ts';
import { columnsIn, matvecAccess, rowsAskedFor, takersIn } from './matvec-access.ts';

export const gateUpAccess = declareColumnsAccess(gateUpColumns, (dispatch) => {
  const { constant, shape } = dispatch;
  const pairs = rowsAskedFor(dispatch, shape.rows / 2, takersIn(dispatch), 2);
  const product = matvecAccess(dispatch, 2 * pairs);
  const biased = constant('BIASED');
  return {
    loads: {
      ...product.loads,
      bias: { asked: 4 * shape.rows * biased * columnsIn(dispatch), distinct: 4 * shape.rows * biased },
    },
    barriers: product.barriers,
    longestLoadChain: product.longestLoadChain + biased * Math.ceil(2 / constant('LANES')),
  };
});
