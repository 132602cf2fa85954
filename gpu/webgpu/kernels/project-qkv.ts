import { defineKernel } from '../kernel.ts';
import { forColumns, forEachColumns, labelFor, type Columns } from './columns.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import half from './half.wgsl?raw';
import { headsConstants, mostTurnsOf, type HeadsParams } from './heads.ts';
import heads from './heads.wgsl?raw';
import {
  leastWorkgroups,
  matvecConstants,
  matvecShape,
  tuningForColumns,
  type MatrixShape,
  type MatvecInput,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import source from './project-qkv.wgsl?raw';
import rows from './rows.wgsl?raw';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';
import weights from './weights.wgsl?raw';

interface ProjectQkvParams {
  /** The queries' matrix. That of keys and values is of the same type. */
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  readonly biased: boolean;
  readonly queryHeads: number;
  /** Of keys and values, into a store. */
  readonly heads: HeadsParams;
  /** Most invocations for four matrix rows; a power of two. */
  readonly lanes: number;
}

const headsOf = ({ queryHeads, heads }: ProjectQkvParams) => queryHeads + heads.heads;

function tuningOf(params: ProjectQkvParams, columns: Columns) {
  const { headDim, normed } = params.heads;
  const isLarge = (headsOf(params) * headDim) / 16 >= leastWorkgroups;
  const block = normed ? headDim : headDim % 16 === 0 && isLarge ? 16 : 8;
  const lanes = Math.min(params.lanes, 2 ** Math.floor(Math.log2(1024 / block)));
  const one = { lanes, workgroup: (block / 4) * lanes };
  const { matrix, input } = params;
  const mostTurns = mostTurnsOf(headDim, block);
  const tuning = tuningForColumns(matrix, input, one, columns, (turns) => 8 * block * turns, mostTurns);
  return { ...tuning, block: block * tuning.turns };
}

/**
 * Rows through the projections of queries, keys and values of a layer, so many at once, finished: normed, rotated, in their
 * place. For GPUs: a software adapter would pay for choosing the matrix at every load.
 */
export const projectQkvColumns = forEachColumns((columns) =>
  defineKernel({
    label: labelFor('project-qkv', columns),
    source: [
      ...[step, shape, rows, eight, weights, half, heads],
      forColumns([matvec, source].join('\n'), columns),
    ].join('\n'),
    bindings: {
      x: 'read',
      gain: 'read',
      w: 'read',
      shape: 'shape',
      keyValueWeights: 'read',
      rope: 'read',
      queries: 'write',
      out: 'write',
      rows: 'read',
      step: 'step',
    },
    constants: (params: ProjectQkvParams) => {
      const tuning = tuningOf(params, columns);
      const { queryHeads, heads: ofStore } = params;
      return {
        ...matvecConstants(params.matrix, params.input, tuning),
        ...headsConstants(ofStore, tuning.block),
        ROTATED_HEADS: queryHeads + ofStore.rotatedHeads,
        QUERY_HEADS: queryHeads,
        BIASED: Number(params.biased),
      };
    },
    shape: (params) => ({
      ...matvecShape(params.matrix, params.input),
      rows: headsOf(params) * params.heads.headDim,
    }),
    workgroups: (params, rowCount) => [
      groupsFor(rowCount, columns),
      (headsOf(params) * params.heads.headDim) / tuningOf(params, columns).block,
    ],
  }),
);
