import { defineKernel } from '../kernel.ts';
import evictSource from './evict.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import gatherSource from './gather-rows.wgsl?raw';
import placeSource from './place-row.wgsl?raw';
import policy from './policy.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

interface HeadsOfRow {
  readonly kvHeads: number;
  /** 32-bit words of a head. */
  readonly headWords: number;
}

const headsConstants = ({ kvHeads, headWords }: HeadsOfRow) => ({
  KV_HEADS: kvHeads,
  HEAD_WORDS: headWords,
});

interface PlaceParams extends HeadsOfRow {
  readonly versions: number;
  readonly stride: number;
}

/** Puts the rows that were just computed where each KV head has room for them. */
export const placeRow = defineKernel({
  label: 'place-row',
  source: [step, rows, placeSource].join('\n'),
  bindings: { row: 'read', kv: 'write', next: 'read', rows: 'read', step: 'step' },
  constants: (params: PlaceParams) => ({
    ...headsConstants(params),
    VERSIONS: params.versions,
    STRIDE: params.stride,
  }),
  workgroups: ({ kvHeads }, count) => [kvHeads, count],
});

interface GatherParams extends HeadsOfRow {
  readonly slots: number;
  readonly keepsScores: boolean;
  /** One past the slot of the newest row. */
  readonly end: number;
  /** Where the slots of the text begin. */
  readonly sourceFirst: number;
  readonly sinkFirst: number;
  /** The same for positions and scores of the sink. */
  readonly movedFirst: number;
}

/** Copies the rows that each KV head holds to slots that follow each other. */
export const gatherRows = defineKernel({
  label: 'gather-rows',
  source: [heldMark, gatherSource].join('\n'),
  bindings: { source: 'read', sink: 'write', held: 'read', moved: 'write', scores: 'write', shape: 'shape' },
  constants: (params: GatherParams) => ({
    ...headsConstants(params),
    KEEPS_SCORES: Number(params.keepsScores),
  }),
  shape: ({ end, sourceFirst, sinkFirst, movedFirst }) => ({
    rows: end,
    cols: sourceFirst,
    dim: sinkFirst,
    yStride: movedFirst,
  }),
  workgroups: ({ kvHeads, slots }) => [kvHeads, slots],
});

export interface EvictParams {
  readonly kvHeads: number;
  readonly versions: number;
  readonly stride: number;
  readonly windowed: boolean;
  readonly scores: number;
  readonly joint: boolean;
  readonly workgroup: number;
}

/** Lets one row of each KV head go if the store is full, and chooses where the next row goes. */
export const evict = defineKernel({
  label: 'evict',
  source: [step, rows, policy, heldMark, evictSource].join('\n'),
  bindings: { held: 'write', added: 'read', next: 'write', rows: 'read', step: 'step', policies: 'uniform' },
  constants: (params: EvictParams) => ({
    WG: params.workgroup,
    KV_HEADS: params.kvHeads,
    VERSIONS: params.versions,
    STRIDE: params.stride,
    WINDOWED: Number(params.windowed),
    SCORES: params.scores,
    JOINT: Number(params.joint),
  }),
  workgroups: ({ kvHeads }, count) => [kvHeads, count],
});
