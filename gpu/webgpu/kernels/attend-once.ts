import { defineKernel } from '../kernel.ts';
import { attend, attendConstants, workgroupOf, type AttendParams } from './attend.ts';
import { attendHeld, heldConstants, type AttendHeldParams } from './attend-held.ts';
import source from './attend-once.wgsl?raw';
import eight from './eight.wgsl?raw';
import held from './held.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import inOrder from './in-order.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

/** Query heads that one workgroup takes: the most that share a KV head and fit. */
function headsHere(params: AttendParams): number {
  const group = params.heads / params.kvHeads;
  const most = Math.min(8, Math.floor((8 * workgroupOf(params)) / params.headDim));
  for (let count = Math.min(group, most); count > 1; count--) if (group % count === 0) return count;
  return 1;
}

const workgroupsOf = (params: AttendParams, rowCount: number) =>
  [params.heads / headsHere(params), params.splits, rowCount] as const;

/** Attention of the step's rows over a store whose rows lie in the order of their positions. */
export const attendOnce = defineKernel({
  label: 'attend-once',
  source: [step, mask, rows, inOrder, eight, kvAt, source].join('\n'),
  bindings: attend.bindings,
  constants: (params: AttendParams) => ({ ...attendConstants(params), HEADS_HERE: headsHere(params) }),
  workgroups: workgroupsOf,
});

/** The same over a store under a policy. It leaves each head's maximum and sum, for the scores. */
export const attendOnceHeld = defineKernel({
  label: 'attend-once-held',
  source: [step, mask, rows, heldMark, held, eight, kvAt, source].join('\n'),
  bindings: attendHeld.bindings,
  constants: (params: AttendHeldParams) => ({ ...heldConstants(params), HEADS_HERE: headsHere(params) }),
  workgroups: workgroupsOf,
});

/** Its arrays for longer heads would not fit into the workgroup memory that every adapter has. */
const mostHeadDim = 512;

const isForGpu = ({ headDim }: AttendParams, tiled: boolean) => tiled && headDim <= mostHeadDim;

/** The attention of few rows, on a GPU or on a software adapter. */
export const attendFew = (params: AttendParams, tiled: boolean) =>
  isForGpu(params, tiled) ? attendOnce : attend;

/** The same over a store under a policy. */
export const attendFewHeld = (params: AttendParams, tiled: boolean) =>
  isForGpu(params, tiled) ? attendOnceHeld : attendHeld;
