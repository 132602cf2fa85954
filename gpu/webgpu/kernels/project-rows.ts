import { defineKernel, type ForRows } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { groupsFor, weightsOf } from './format.ts';
import type { MatrixShape } from './matvec.ts';
import projectFewSource from './project-few.wgsl?raw';
import projectFourSource from './project-four.wgsl?raw';
import projectManySource from './project-many.wgsl?raw';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';
import { weightsOfOne as weights } from './weights.ts';

export interface ProjectRowsParams {
  readonly matrix: MatrixShape;
  /** Numbers in a row of y. */
  readonly yStride: number;
  /** Onto the turn's rows of y. */
  readonly add: boolean;
  readonly biased: boolean;
}

const constantsOf = ({ matrix, add, biased }: ProjectRowsParams) => ({
  ...weightsOf(matrix.type),
  ADD: Number(add),
  BIASED: Number(biased),
});

const sourceOf = (source: string) => [step, shape, eight, weights, source].join('\n');

/** What all of them share: the step's rows times a matrix. */
const projectRows = {
  bindings: { x: 'read', w: 'read', bias: 'read', y: 'write', shape: 'shape', step: 'step' },
  shape: ({ matrix, yStride }: ProjectRowsParams) => ({ rows: matrix.rows, cols: matrix.cols, yStride }),
} as const;

/** On a software adapter. */
export const projectFour = defineKernel({
  ...projectRows,
  label: 'project-four',
  source: sourceOf(projectFourSource),
  constants: constantsOf,
  workgroups: ({ matrix }, rows) => [groupsFor(matrix.rows, 4 * 64), groupsFor(rows, 4)],
});

const [fewWorkgroup, fewLanes] = [64, 16]; // WG and LANES in project-few.wgsl

/** @param rows that share a weight: at most 8 */
const projectFew = (rows: number) =>
  defineKernel({
    ...projectRows,
    label: 'project-few',
    source: sourceOf(projectFewSource),
    constants: (params: ProjectRowsParams) => ({ ...constantsOf(params), ROWS: rows }),
    workgroups: ({ matrix }, count) => [
      groupsFor(matrix.rows, (4 * fewWorkgroup) / fewLanes),
      groupsFor(count, rows),
    ],
  });

/**
 * @param rows     of a tile
 * @param rowsEach of them, in the registers of one invocation: at most 8
 */
const projectMany = (rows: number, rowsEach: number) =>
  defineKernel({
    ...projectRows,
    label: 'project-many',
    source: sourceOf(projectManySource),
    constants: (params: ProjectRowsParams) => ({
      ...constantsOf(params),
      ROWS: rowsEach,
      WG: (16 * rows) / rowsEach,
    }),
    workgroups: ({ matrix }, count) => [groupsFor(matrix.rows, 64), groupsFor(count, rows)],
  });

/** Rows that share a weight outside a tile. */
export const fewMultipliedRows = 8;

/** Rows of the largest tile. */
export const mostTileRows = 64;

/** On a GPU, by the rows of a step. More than half of what they compute is used, except for 2 to 4 rows. */
export const projectTiles: readonly ForRows<keyof typeof projectRows.bindings, ProjectRowsParams>[] = [
  { upTo: 1, kernel: projectFew(1) },
  { upTo: fewMultipliedRows, kernel: projectFew(fewMultipliedRows) },
  { upTo: 16, kernel: projectMany(16, 4) },
  { upTo: 32, kernel: projectMany(32, 4) },
  { upTo: Infinity, kernel: projectMany(mostTileRows, 8) },
];
