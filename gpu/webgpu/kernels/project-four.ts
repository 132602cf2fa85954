import { defineKernel } from '../kernel.ts';
import eight from './eight.wgsl?raw';
import { groupsFor } from './format.ts';
import source from './project-four.wgsl?raw';
import { projectMany } from './project-many.ts';
import shape from './shape.wgsl?raw';
import step from './step.wgsl?raw';
import weights from './weights.wgsl?raw';

/** What `projectMany` computes, on a software adapter. */
export const projectFour = defineKernel({
  ...projectMany,
  label: 'project-four',
  source: [step, shape, eight, weights, source].join('\n'),
  workgroups: ({ matrix }, rows) => [groupsFor(matrix.rows, 4 * 64), groupsFor(rows, 4)],
});
