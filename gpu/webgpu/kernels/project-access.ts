import { declareColumnsAccess, onceEach } from './access.ts';
import { columnsIn, matvecAccess, rowsAskedFor, takersIn } from './matvec-access.ts';
import { projectColumns } from './project.ts';

export const projectAccess = declareColumnsAccess(projectColumns, (dispatch) => {
  const { constant, shape } = dispatch;
  const { rows } = shape;
  const product = matvecAccess(dispatch, rowsAskedFor(dispatch, rows, takersIn(dispatch), 4));
  const [biased, add] = [constant('BIASED'), constant('ADD')];
  return {
    loads: {
      ...product.loads,
      bias: { asked: 4 * rows * biased * dispatch.workgroups[0], distinct: 4 * rows * biased },
      y: onceEach(4 * rows * add * columnsIn(dispatch)),
    },
    barriers: product.barriers,
    longestLoadChain: product.longestLoadChain + Math.max(biased, add) * Math.ceil(4 / constant('LANES')),
  };
});
