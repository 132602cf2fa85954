import { declareAccess } from './access.ts';
import { embed } from './embed.ts';
import { weightRow } from './matvec-access.ts';

/** Of one row, whose token is taken to lie in the first part of the table. */
export const embedAccess = declareAccess(embed, (dispatch) => {
  const { constant, shape } = dispatch;
  const eights = shape.cols / 8;
  const { askedPerUnit } = weightRow(dispatch);
  const units = Math.ceil(eights / constant('EIGHTS'));
  const groups = Math.ceil((units * constant('EIGHTS')) / 4);
  const scales = constant('FORMAT') >= 3 ? 4 * Math.ceil(groups / 2) : 0;
  const index = { asked: 4 * eights, distinct: 4 };
  const isThere = shape.dim === 0 ? 1 : 0;
  return {
    loads: {
      rows: index,
      tokens: index,
      w: {
        asked: isThere * eights * askedPerUnit,
        distinct: isThere * (units * 16 * constant('VECS') + scales),
      },
    },
    barriers: 0,
    longestLoadChain: 2 + isThere,
  };
});
