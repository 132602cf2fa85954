import { defineKernel, type ForRows } from '../kernel.ts';
import { attend, type AttendParams } from './attend.ts';
import { attendHeld, type AttendHeldParams } from './attend-held.ts';
import { attendFew, attendFewHeld } from './attend-once.ts';
import source from './attend-many.wgsl?raw';
import eight from './eight.wgsl?raw';
import { eightsOf, groupsFor } from './format.ts';
import held from './held.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import inOrder from './in-order.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import rows from './rows.wgsl?raw';
import segments from './segments.wgsl?raw';
import step from './step.wgsl?raw';

const mostInvocations = 256;
/** vec4 of values in a tile, as far as one value fits. */
const valueTile = 512;
/** Registers of `outs` in the shader, for one query. */
const mostOuts = 4;

/** How a workgroup divides its work; see `attend-many.wgsl`. */
function tileOf({ heads, kvHeads, headDim }: AttendParams) {
  const quarters = headDim / 4;
  const lanes = [8, 16].find((count) => quarters <= 2 * count) ?? 32;
  const mostQueries = (4 * mostInvocations) / lanes;
  const group = heads / kvHeads;
  let headsHere = Math.min(group, mostQueries / 16);
  while (group % headsHere !== 0) headsHere--;
  const rowsHere = 32 * headsHere <= mostQueries ? 32 : 16;
  const blocks = (rowsHere * headsHere) / 4;
  const piece = Math.min(16, 2 ** Math.floor(Math.log2(Math.max(1, valueTile / quarters))));
  return {
    lanes,
    headsHere,
    rowsHere,
    piece,
    workgroup: blocks * lanes,
    queryTile: Math.max(16 * blocks, (blocks + 1) * piece, blocks * lanes),
    keyTile: Math.max(16 * lanes, piece * quarters),
  };
}

function constantsOf(params: AttendParams) {
  const { lanes, headsHere, rowsHere, piece, workgroup, queryTile, keyTile } = tileOf(params);
  return {
    ...eightsOf(params.format),
    WG: workgroup,
    HEAD_DIM: params.headDim,
    KV_HEADS: params.kvHeads,
    GROUP: params.heads / params.kvHeads,
    HEADS_HERE: headsHere,
    ROWS: rowsHere,
    LANES: lanes,
    PIECE: piece,
    QUERY_TILE: queryTile,
    KEY_TILE: keyTile,
    DIAGONAL: Number(params.diagonal),
    WINDOWED: Number(params.windowed),
  };
}

function workgroupsOf(params: AttendParams, count: number, texts: number) {
  const { headsHere, rowsHere } = tileOf(params);
  // Every text may have a tile that is not full.
  return [params.heads / headsHere, groupsFor(count, rowsHere) + texts - 1] as const;
}

/** Attention of many rows, in each segment at ascending positions, over a store whose rows lie in the order of theirs. */
export const attendMany = defineKernel({
  label: 'attend-many',
  source: [step, segments, mask, rows, inOrder, eight, kvAt, source].join('\n'),
  bindings: attend.bindings,
  constants: constantsOf,
  workgroups: workgroupsOf,
});

/** The same over a store under a policy, while a prompt is read. It leaves each head's maximum and sum, for the scores. */
export const attendManyHeld = defineKernel({
  label: 'attend-many-held',
  source: [step, segments, mask, rows, heldMark, held, eight, kvAt, source].join('\n'),
  bindings: attendHeld.bindings,
  constants: (params: AttendHeldParams) => ({
    ...constantsOf(params),
    RANKED: Number(params.ranked),
    IN_ORDER: Number(params.inOrder),
    STATS: 1,
  }),
  workgroups: workgroupsOf,
});

/** For a few rows a tile would be nearly empty. */
export const fewAttendedRows = 4;

const fits = ({ headDim }: AttendParams) => headDim / 4 <= 32 * mostOuts;

/** By the rows of a step, on a GPU. */
export const attentionTiles = (
  params: AttendParams,
): readonly ForRows<keyof typeof attend.bindings, AttendParams>[] =>
  fits(params)
    ? [
        { upTo: fewAttendedRows, kernel: attendFew(params, true) },
        { upTo: Infinity, kernel: attendMany },
      ]
    : [{ upTo: Infinity, kernel: attendFew(params, true) }];

/** The same over a store under a policy. */
export const heldAttentionTiles = (
  params: AttendParams,
): readonly ForRows<keyof typeof attendHeld.bindings, AttendHeldParams>[] =>
  fits(params)
    ? [
        { upTo: fewAttendedRows, kernel: attendFewHeld(params, true) },
        { upTo: Infinity, kernel: attendManyHeld },
      ]
    : [{ upTo: Infinity, kernel: attendFewHeld(params, true) }];
