import { defineKernel } from '../kernel.ts';
import { attendConstants, attendWorkgroups, type AttendParams } from './attend.ts';
import source from './attend.wgsl?raw';
import eight from './eight.wgsl?raw';
import held from './held.wgsl?raw';
import heldMark from './held-mark.wgsl?raw';
import kvAt from './kv-at.wgsl?raw';
import mask from './mask.wgsl?raw';
import rows from './rows.wgsl?raw';
import step from './step.wgsl?raw';

export interface AttendHeldParams extends AttendParams {
  /** Whether ranks rotate keys, instead of positions. */
  readonly ranked: boolean;
  /** Whether rows lie in the order of their positions, as in a prompt. */
  readonly inOrder: boolean;
  /** Tables that a store has, and slots between the stores of two texts; 0 for a store of one text. */
  readonly versions: number;
  readonly stride: number;
}

export const heldConstants = (params: AttendHeldParams) => ({
  ...attendConstants(params),
  RANKED: Number(params.ranked),
  IN_ORDER: Number(params.inOrder),
  VERSIONS: params.versions,
  STRIDE: params.stride,
  STATS: 1,
});

/** Attention over a store under a policy. It leaves each head's maximum and sum, for the scores. */
export const attendHeld = defineKernel({
  label: 'attend-held',
  source: [step, mask, rows, heldMark, held, eight, kvAt, source].join('\n'),
  bindings: {
    q: 'read',
    kv: 'read',
    y: 'write',
    rows: 'read',
    step: 'step',
    held: 'read',
    rope: 'read',
  },
  constants: heldConstants,
  workgroups: attendWorkgroups,
});
