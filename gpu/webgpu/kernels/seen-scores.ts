import { defineKernel } from '../kernel.ts';
import type { AttendParams } from './attend.ts';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import held from './held.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import inOrder from './in-order.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import rows from './rows.wgsl?raw';
import source from './seen-scores.wgsl?raw';
import step from './step.wgsl?raw';

// Only a closer look at a token's attention needs these kernels: attention itself leaves no scores behind.

/** In the place of a position: the query does not see the key. */
export const UNSEEN = 0xffffffff;

/** 32-bit words of a key: its position and its score. */
export const SEEN_WORDS = 2;

export interface SeenScoresParams extends Omit<AttendParams, 'splits' | 'mostSplits'> {
  /** The row of the step that asks. */
  readonly row: number;
  /** Room for keys. */
  readonly keys: number;
}

/** A text's own store under a policy, while a prompt is read. */
export interface SeenHeldScoresParams extends SeenScoresParams {
  /** Whether ranks rotate keys, instead of positions. */
  readonly ranked: boolean;
}

const bindings = {
  q: 'read',
  kv: 'read',
  seen: 'write',
  rows: 'read',
  step: 'step',
  held: 'read',
  rope: 'read',
  shape: 'shape',
} as const;

const constantsOf = (params: SeenScoresParams) => ({
  ...eightsOf(params.format),
  WG: params.workgroup,
  HEAD_DIM: params.headDim,
  KV_HEADS: params.kvHeads,
  GROUP: params.heads / params.kvHeads,
  DIAGONAL: Number(params.diagonal),
  WINDOWED: Number(params.windowed),
});

const shapeOf = ({ row, keys }: SeenScoresParams) => ({ rows: row, cols: keys });

const workgroupsOf = ({ keys, workgroup, heads }: SeenScoresParams) =>
  [groupsFor(keys, workgroup), heads] as const;

/** Over a store whose rows lie in the order of their positions. `held` is not read. */
export const seenScores = defineKernel({
  label: 'seen-scores',
  source: [step, mask, rows, inOrder, eight, kvAt, source].join('\n'),
  bindings,
  constants: constantsOf,
  shape: shapeOf,
  workgroups: workgroupsOf,
});

/** Over a store under a policy, while a prompt is read. */
export const seenHeldScores = defineKernel({
  label: 'seen-held-scores',
  source: [step, mask, rows, heldMark, held, eight, kvAt, source].join('\n'),
  bindings,
  constants: (params: SeenHeldScoresParams) => ({
    ...constantsOf(params),
    RANKED: Number(params.ranked),
    IN_ORDER: 1,
  }),
  shape: shapeOf,
  workgroups: workgroupsOf,
});
