import type { Scoring } from '../../kv/policies/policy.ts';
import { defineKernel } from '../kernel.ts';
import addScoresSource from './add-scores.wgsl?raw';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import held from './held.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import noisyStatsSource from './noisy-stats.wgsl?raw';
import policy from './policy.wgsl?raw';
import rows from './rows.wgsl?raw';
import segments from './segments.wgsl?raw';
import scoreKeysSource from './score-keys.wgsl?raw';
import scoresOfKeys from './scores-of-keys.wgsl?raw';
import step from './step.wgsl?raw';

/** A reader of a store under a policy. */
export interface HeldReader {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly format: 'f16' | 'f32';
  readonly diagonal: boolean;
  readonly windowed: boolean;
  readonly ranked: boolean;
  readonly inOrder: boolean;
  readonly versions: number;
  readonly stride: number;
  readonly layer: number;
  readonly noisy: boolean;
  readonly workgroup: number;
}

const readerConstants = (reader: HeldReader) => ({
  ...eightsOf(reader.format),
  WG: reader.workgroup,
  HEAD_DIM: reader.headDim,
  KV_HEADS: reader.kvHeads,
  GROUP: reader.heads / reader.kvHeads,
  DIAGONAL: Number(reader.diagonal),
  WINDOWED: Number(reader.windowed),
  RANKED: Number(reader.ranked),
  IN_ORDER: Number(reader.inOrder),
  VERSIONS: reader.versions,
  STRIDE: reader.stride,
  NOISY: Number(reader.noisy),
});

const readerBindings = {
  q: 'read',
  kv: 'read',
  noise: 'read',
  rows: 'read',
  step: 'step',
  held: 'read',
  rope: 'read',
  policies: 'uniform',
  shape: 'shape',
} as const;

const preludes = [step, mask, rows, policy, heldMark, held, eight, kvAt, scoresOfKeys];

/** The maximum and the sum of Keyformer's softmax, for each query head of the step's rows. */
export const noisyStats = defineKernel({
  label: 'noisy-stats',
  source: [...preludes, noisyStatsSource].join('\n'),
  bindings: { ...readerBindings, stats: 'write' },
  constants: (reader: HeldReader) => readerConstants(reader),
  shape: ({ layer }) => ({ rows: layer }),
  workgroups: (reader, count) => [reader.heads, count],
});

export interface AddScoresParams extends HeldReader {
  /** The most of a text. */
  readonly slots: number;
  /** Whether the sum begins here, instead of being continued. */
  readonly first: boolean;
  readonly newestOnly: boolean;
  readonly splits: number;
  /** Whether each row is of a text of its own. */
  readonly each: boolean;
  /** Whether the maxima and sums lie after an attention's output. */
  readonly afterAttention: boolean;
}

/** What a reader's queries add to the scores of the rows that they see. */
export const addScores = defineKernel({
  label: 'add-scores',
  source: [...preludes, segments, addScoresSource].join('\n'),
  bindings: { ...readerBindings, stats: 'read', added: 'write' },
  constants: (params: AddScoresParams) => ({
    ...readerConstants(params),
    SPLITS: params.splits,
    EACH: Number(params.each),
  }),
  shape: (params) => ({
    rows: params.layer,
    cols: Number(params.first),
    dim: Number(params.newestOnly),
    yStride: params.afterAttention ? (params.heads * params.headDim) / 4 : 0,
  }),
  workgroups: (params, count, texts) => [
    groupsFor(params.slots, params.workgroup),
    params.kvHeads,
    params.each ? count : texts,
  ],
});

interface ScoreKeysParams {
  readonly kvHeads: number;
  readonly headDim: number;
  readonly format: 'f16' | 'f32';
  readonly decoding: boolean;
  readonly versions: number;
  readonly stride: number;
}

/** The scores of a policy that asks the key alone: see kv/policies/key-norm.ts. */
export const scoreKeys = defineKernel({
  label: 'score-keys',
  source: [step, rows, eight, scoreKeysSource].join('\n'),
  bindings: { kv: 'read', next: 'read', rows: 'read', step: 'step', added: 'write' },
  constants: (params: ScoreKeysParams) => ({
    ...eightsOf(params.format),
    KV_HEADS: params.kvHeads,
    HEAD_DIM: params.headDim,
    DECODING: Number(params.decoding),
    VERSIONS: params.versions,
    STRIDE: params.stride,
  }),
  workgroups: (params, count) => [params.kvHeads, count],
});

/** How `evict.wgsl` makes a row's score. */
export function scoresConstant(scoring: Scoring | null): number {
  if (!scoring) return 0;
  if (scoring.from === 'key') return 3;
  return scoring.accumulates ? 1 : 2;
}
