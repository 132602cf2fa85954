import { declareColumnsAccess } from './access.ts';
import { headsAccess } from './heads-access.ts';
import { matvecAccess } from './matvec-access.ts';
import { projectQkvColumns } from './project-qkv.ts';

export const projectQkvAccess = declareColumnsAccess(projectQkvColumns, (dispatch) => {
  const { constant, shape, step, workgroups } = dispatch;
  const { loads, barriers, longestLoadChain } = matvecAccess(dispatch, shape.rows);
  const heads = headsAccess(dispatch, { blocks: workgroups[1], rows: step.rows });
  const { headGain, ...others } = heads.loads;
  const queryRows = constant('QUERY_HEADS') * constant('HEAD_DIM');
  const part = (count: number) => ({
    asked: ((loads.w?.asked ?? 0) * count) / shape.rows,
    distinct: ((loads.w?.distinct ?? 0) * count) / shape.rows,
  });
  const biases = 4 * shape.rows * constant('BIASED');
  return {
    loads: {
      ...others,
      x: loads.x ?? { asked: 0, distinct: 0 },
      // The biases, and the gains of queries' and keys' heads, lie behind those of x.
      gain: {
        asked: (loads.gain?.asked ?? 0) + biases * step.rows + (headGain?.asked ?? 0),
        distinct: (loads.gain?.distinct ?? 0) + biases + 2 * (headGain?.distinct ?? 0),
      },
      w: part(queryRows),
      keyValueWeights: part(shape.rows - queryRows),
    },
    barriers: barriers + heads.barriers,
    longestLoadChain:
      longestLoadChain +
      Math.min(constant('COLUMNS'), step.rows) *
        (constant('BIASED') * Math.ceil(4 / constant('LANES')) + heads.longestLoadChain),
  };
});
