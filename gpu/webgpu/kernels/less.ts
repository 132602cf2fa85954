import { defineKernel } from '../kernel.ts';
import absorbRowSource from './absorb-row.wgsl?raw';
import absorbRowsSource from './absorb-rows.wgsl?raw';
import eight from './eight.wgsl?raw';
import featuresOfRowsSource from './features-of-rows.wgsl?raw';
import features from './features.wgsl?raw';
import { eightsOf } from './format.ts';
import keptRows from './kept-rows.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import recallSource from './recall.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

/** The sizes of LESS in one model. */
export interface LessParams {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly hidden: number;
  readonly rank: number;
  readonly format: 'f16' | 'f32';
  readonly workgroup: number;
}

const phiConstants = ({ heads, kvHeads, headDim, hidden, rank, workgroup }: LessParams) => ({
  WG: workgroup,
  HEAD_DIM: headDim,
  HEADS: heads,
  HIDDEN: hidden,
  RANK: rank,
  KV_HEADS: kvHeads,
});

const psiConstants = (params: LessParams) => ({
  ...phiConstants(params),
  ...eightsOf(params.format),
  HEADS: params.kvHeads,
  MIXED: 1,
});

interface RecallParams extends LessParams {
  readonly splits: number;
  /** Of each text; a prompt has one, whatever its rows say. */
  readonly versions: number;
}

/** Mixes what a reader recalls of the rows that are gone into its attention. */
export const recall = defineKernel({
  label: 'recall',
  source: [step, rows, features, recallSource].join('\n'),
  bindings: { weights: 'read', q: 'read', state: 'read', y: 'write', rows: 'read', step: 'step' },
  constants: (params: RecallParams) => ({
    ...phiConstants(params),
    GROUP: params.heads / params.kvHeads,
    SPLITS: params.splits,
    VERSIONS: params.versions,
  }),
  workgroups: ({ heads }, count) => [heads, count],
});

interface AbsorbRowParams extends LessParams {
  readonly versions: number;
  readonly stride: number;
}

/** Adds the rows that a step let go to the states of their texts. */
export const absorbRow = defineKernel({
  label: 'absorb-row',
  source: [step, rows, eight, features, kvAt, keptRows, absorbRowSource].join('\n'),
  bindings: { weights: 'read', kv: 'read', held: 'read', state: 'write', rows: 'read', step: 'step' },
  constants: (params: AbsorbRowParams) => ({
    ...psiConstants(params),
    VERSIONS: params.versions,
    STRIDE: params.stride,
  }),
  workgroups: ({ kvHeads }, count) => [kvHeads, count],
});

interface RowsParams extends LessParams {
  /** Rows that go. */
  readonly count: number;
}

/** ψ of the keys that the cut after a prompt lets go. */
export const featuresOfRows = defineKernel({
  label: 'features-of-rows',
  source: [eight, features, kvAt, keptRows, featuresOfRowsSource].join('\n'),
  bindings: { weights: 'read', kv: 'read', slots: 'read', found: 'write' },
  constants: (params: RowsParams) => psiConstants(params),
  workgroups: ({ kvHeads, count }) => [kvHeads, count],
});

interface AbsorbRowsParams extends RowsParams {
  /** Versions of the state before and after the prompt. */
  readonly before: number;
  readonly after: number;
}

/** Adds the rows that the cut after a prompt lets go to the state. */
export const absorbRows = defineKernel({
  label: 'absorb-rows',
  source: [eight, absorbRowsSource].join('\n'),
  bindings: { found: 'read', kv: 'read', slots: 'read', state: 'write', shape: 'shape' },
  constants: ({ kvHeads, headDim, rank, format, workgroup }: AbsorbRowsParams) => ({
    ...eightsOf(format),
    WG: workgroup,
    KV_HEADS: kvHeads,
    HEAD_DIM: headDim,
    RANK: rank,
  }),
  shape: ({ count, before, after }) => ({ rows: count, cols: before, dim: after }),
  workgroups: ({ kvHeads, rank }) => [kvHeads, rank],
});
