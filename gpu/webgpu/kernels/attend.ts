import { defineKernel } from '../kernel.ts';
import source from './attend.wgsl?raw';
import eight from './eight.wgsl?raw';
import { eightsOf } from './format.ts';
import inOrder from './in-order.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

export interface AttendParams {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly format: 'f16' | 'f32';
  readonly diagonal: boolean;
  readonly windowed: boolean;
  /** Parts into which the keys are split: what {@link splitsFor} says, or 1. */
  readonly splits: number;
  /** Parts into which any text on this adapter would split its keys. */
  readonly mostSplits: number;
  /** Invocations; a power of two. More are taken if a head needs them. */
  readonly workgroup: number;
}

const mostHeads = 8; // MOST_HEADS in the shader

/** An invocation keeps four numbers of an output head. */
export const workgroupOf = ({ headDim, workgroup }: Pick<AttendParams, 'headDim' | 'workgroup'>) =>
  Math.max(workgroup, 2 ** Math.ceil(Math.log2(headDim / 4)));

/**
 * Parts for texts of at most so many keys: none is shorter than a workgroup. Where a part ends depends on the keys that
 * a row sees and on nothing else, so that more parts than needed change no result. A power of two, because each number of
 * parts has pipelines of its own.
 */
export const splitsFor = (
  mostKeys: number,
  params: Pick<AttendParams, 'headDim' | 'workgroup' | 'mostSplits'>,
): number => {
  const wanted = Math.max(1, Math.ceil(mostKeys / workgroupOf(params)));
  return Math.min(params.mostSplits, 2 ** Math.ceil(Math.log2(wanted)));
};

/** Query heads that one workgroup takes: the most that share a KV head and fit. */
function headsHere(params: AttendParams): number {
  const group = params.heads / params.kvHeads;
  const most = Math.min(mostHeads, Math.floor((4 * workgroupOf(params)) / params.headDim));
  for (let count = Math.min(group, most); count > 1; count--) if (group % count === 0) return count;
  return 1;
}

export const attendConstants = (params: AttendParams) => ({
  ...eightsOf(params.format),
  WG: workgroupOf(params),
  HEAD_DIM: params.headDim,
  KV_HEADS: params.kvHeads,
  GROUP: params.heads / params.kvHeads,
  HEADS_HERE: headsHere(params),
  SPLITS: params.splits,
  MOST_SPLITS: params.mostSplits,
  DIAGONAL: Number(params.diagonal),
  WINDOWED: Number(params.windowed),
});

export const attendWorkgroups = (params: AttendParams, rows: number) =>
  [params.heads / headsHere(params), params.splits, rows] as const;

/** Attention of the step's rows over a store whose rows lie in the order of their positions. */
export const attend = defineKernel({
  label: 'attend',
  source: [step, mask, rows, inOrder, eight, kvAt, source].join('\n'),
  bindings: { q: 'read', kv: 'read', y: 'write', rows: 'read', step: 'step' },
  constants: attendConstants,
  workgroups: attendWorkgroups,
});
