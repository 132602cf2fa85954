import { declareAccess, onceEach } from './access.ts';
import { matvecAccess, rowsAskedFor, takersIn } from './matvec-access.ts';
import { project } from './project.ts';

export const projectAccess = declareAccess(project, (dispatch) => {
  const { constant, shape } = dispatch;
  const { rows } = shape;
  const product = matvecAccess(dispatch, rowsAskedFor(dispatch, rows, takersIn(dispatch), 4));
  const [biased, add] = [constant('BIASED'), constant('ADD')];
  return {
    loads: { ...product.loads, bias: onceEach(4 * rows * biased), y: onceEach(4 * rows * add) },
    barriers: product.barriers,
    longestLoadChain: product.longestLoadChain + Math.max(biased, add) * Math.ceil(4 / constant('LANES')),
  };
});
