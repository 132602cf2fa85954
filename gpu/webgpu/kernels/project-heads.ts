import { defineKernel } from '../kernel.ts';
import { forColumns, forEachColumns, labelFor, type Columns } from './columns.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import half from './half.wgsl?raw';
import { blockOf, headsConstants, mostTurnsOf, type HeadsParams } from './heads.ts';
import heads from './heads.wgsl?raw';
import {
  matvecConstants,
  matvecShape,
  tuningForColumns,
  type MatrixShape,
  type MatvecInput,
} from './matvec.ts';
import matvec from './matvec.wgsl?raw';
import source from './project-heads.wgsl?raw';
import shape from './shape.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

interface ProjectHeadsParams {
  readonly matrix: MatrixShape;
  readonly input: MatvecInput;
  readonly biased: boolean;
  readonly heads: HeadsParams;
  /** Most invocations a matrix row; a power of two. */
  readonly lanes: number;
}

function tuningOf({ matrix, input, heads, lanes }: ProjectHeadsParams, columns: Columns) {
  const block = blockOf(heads, lanes === 1);
  const most = 2 ** Math.floor(Math.log2(1024 / block));
  const lanesHere = Math.min(lanes, most);
  const one = { lanes: lanesHere, workgroup: (block / 4) * lanesHere };
  const mostTurns = mostTurnsOf(heads.headDim, block);
  const tuning = tuningForColumns(matrix, input, one, columns, (turns) => 8 * block * turns, mostTurns);
  return { ...tuning, block: block * tuning.turns };
}

/**
 * Rows through the query, or the key and value, projection of a layer, so many at once, finished: normed, rotated, in
 * their place.
 */
export const projectHeadsColumns = forEachColumns((columns) =>
  defineKernel({
    label: labelFor('project-heads', columns),
    source: [
      ...[step, shape, rows, eight, weights, half, heads],
      forColumns([matvec, source].join('\n'), columns),
    ].join('\n'),
    bindings: {
      x: 'read',
      gain: 'read',
      w: 'read',
      shape: 'shape',
      bias: 'read',
      headGain: 'read',
      rope: 'read',
      out: 'write',
      rows: 'read',
      step: 'step',
    },
    constants: (params: ProjectHeadsParams) => {
      const tuning = tuningOf(params, columns);
      return {
        ...matvecConstants(params.matrix, params.input, tuning),
        ...headsConstants(params.heads, tuning.block),
        BIASED: Number(params.biased),
      };
    },
    shape: ({ matrix, input }) => matvecShape(matrix, input),
    workgroups: (params, rowCount) => [
      groupsFor(rowCount, columns),
      (params.heads.heads * params.heads.headDim) / tuningOf(params, columns).block,
    ],
  }),
);

/** One row through a projection of heads. */
export const projectHeads = projectHeadsColumns(1);
