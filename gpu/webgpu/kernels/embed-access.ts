import { declareAccess, rowEntryBytes } from './access.ts';
import { embed } from './embed.ts';
import { weightRow } from './matvec-access.ts';

/** Of rows whose tokens differ, and are taken to lie in the first part of the table. */
export const embedAccess = declareAccess(embed, (dispatch) => {
  const { constant, shape, workgroups } = dispatch;
  const rows = workgroups[1];
  const eights = shape.cols / 8;
  const { askedPerUnit } = weightRow(dispatch);
  const units = Math.ceil(eights / constant('EIGHTS'));
  const groups = Math.ceil((units * constant('EIGHTS')) / 4);
  const scales = constant('FORMAT') >= 3 ? 4 * Math.ceil(groups / 2) : 0;
  const found = shape.dim === 0 ? rows : 0;
  return {
    loads: {
      rows: { asked: rows * rowEntryBytes * eights, distinct: rows * rowEntryBytes },
      tokens: { asked: 4 * rows * eights, distinct: 4 * rows },
      w: {
        asked: found * eights * askedPerUnit,
        distinct: found * (units * 16 * constant('VECS') + scales),
      },
    },
    barriers: 0,
    longestLoadChain: 2 + Math.min(1, found),
  };
});
