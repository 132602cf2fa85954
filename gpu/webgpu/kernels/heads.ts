import type { Turns } from './matvec.ts';

/** What becomes of projected heads; see `heads.wgsl`. */
export interface HeadsParams {
  readonly headDim: number;
  /** Heads in a row, keys before values if they go to a store. */
  readonly heads: number;
  /** Of them, the first that are normed and rotated. */
  readonly rotatedHeads: number;
  readonly normed: boolean;
  readonly eps: number;
  readonly to: { readonly kind: 'rows' } | { readonly kind: 'cache'; readonly format: 'f16' | 'f32' };
}

/** Elements of a head that one workgroup finishes: all of it if it is normed, or if a lane takes whole rows. */
export const blockOf = (params: HeadsParams, wholeHeads: boolean) =>
  params.normed || wholeHeads ? params.headDim : 8;

/** Times that a block may be longer, for more matrix rows in a workgroup. */
export const mostTurnsOf = (headDim: number, block: number): Turns =>
  ([4, 2] as const).find((turns) => headDim % (turns * block) === 0) ?? 1;

export function headsConstants(params: HeadsParams, block: number) {
  const { to } = params;
  return {
    HEAD_DIM: params.headDim,
    BLOCK: block,
    ROTATED_HEADS: params.rotatedHeads,
    NORMED: Number(params.normed),
    HEAD_EPS: params.eps,
    OUT_HEADS: params.heads,
    TO_CACHE: Number(to.kind === 'cache'),
    OUT_FORMAT: Number(to.kind === 'cache' && to.format === 'f16'),
  };
}
