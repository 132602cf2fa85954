import type { LayerType } from '../plan/layer-types.ts';
import type { Eviction } from './eviction.ts';
import type { StepForward } from './forward.ts';
import type { Bound, Recorder } from './kernel.ts';
import { attendFewHeld } from './kernels/attend-once.ts';
import { heldAttentionTiles } from './kernels/attend-many.ts';
import { evict, placeRow } from './kernels/held-rows.ts';
import { addScores, noisyStats, scoreKeys, scoresConstant, type HeldReader } from './kernels/held-scores.ts';
import { attention } from './layer-params.ts';
import { HELD_VERSIONS } from './held-table.ts';

// A layer over a store under a policy, whether one row goes through it or many.

/** A store as a dispatch sees it: the one that lasts, or that of prompts. */
export interface HeldStore {
  /** Of a text; the most if there are several. */
  readonly slots: number;
  readonly kv: GPUBuffer;
  readonly held: GPUBuffer;
  readonly added: GPUBuffer;
  /** Whether rows lie in the order of their positions, as in a prompt. */
  readonly inOrder: boolean;
  /** Slots between the stores of two texts; 0 for a store of one text. */
  readonly stride: number;
}

const layoutOf = ({ inOrder, stride }: HeldStore) => ({ inOrder, stride, versions: HELD_VERSIONS });

/** Buffers that a query's dispatches share. */
interface QueryBuffers {
  readonly q: GPUBuffer;
  readonly attended: GPUBuffer;
  /** For Keyformer's maxima and sums. */
  readonly stats: GPUBuffer;
  /** The rows of the store that is read. */
  readonly rows: Bound;
  readonly step: GPUBuffer;
}

const oneRow: ReadonlySet<number> = new Set([1]);

/**
 * Attention of a layer, to `attended`.
 *
 * @param rowCounts the numbers of rows that will be replayed
 */
export function recordHeldAttention(
  r: Recorder,
  forward: StepForward,
  eviction: Eviction,
  layer: LayerType,
  store: HeldStore,
  { q, attended, rows, step }: QueryBuffers,
  splits: number,
  rowCounts: ReadonlySet<number> = oneRow,
): void {
  const params = {
    ...attention(forward, layer, splits),
    ranked: eviction.ranked,
    ...layoutOf(store),
  };
  const bound = { q, kv: store.kv, y: attended, rows, step, held: store.held, rope: forward.session.rope };
  const { tiled } = forward.context.tuning;
  if (store.inOrder && tiled) {
    r.addForRows(heldAttentionTiles(params), rowCounts, params, bound);
  } else {
    r.add(attendFewHeld(params, tiled), params, bound);
  }
}

/**
 * Adds what a layer's queries attend to to the scores of its store. Nothing if attention scores nothing.
 *
 * @param first whether the sum begins with this layer
 */
export function recordScores(
  r: Recorder,
  forward: StepForward,
  eviction: Eviction,
  layer: LayerType,
  store: HeldStore,
  { q, attended, stats, rows, step }: QueryBuffers,
  splits: number,
  first: boolean,
): void {
  const { scoring } = eviction.run;
  if (scoring?.from !== 'attention') return;
  const params = attention(forward, layer, splits);
  const reader: HeldReader = {
    ...params,
    ranked: eviction.ranked,
    ...layoutOf(store),
    layer: layer.index,
    noisy: scoring.noisy,
    workgroup: forward.context.tuning.attendWorkgroup,
  };
  const buffers = {
    q,
    kv: store.kv,
    noise: eviction.noise,
    rows,
    step,
    held: store.held,
    rope: forward.session.rope,
    policies: eviction.policies,
  };
  if (scoring.noisy) r.add(noisyStats, reader, { ...buffers, stats });
  r.add(
    addScores,
    {
      ...reader,
      slots: Math.max(store.slots, store.stride),
      each: !store.inOrder,
      first,
      newestOnly: !scoring.accumulates,
      splits: scoring.noisy ? 1 : splits,
      afterAttention: !scoring.noisy,
    },
    { ...buffers, stats: scoring.noisy ? stats : attended, added: store.added },
  );
}

/** The scores of the step's rows that their keys give them. Nothing unless the policy asks for them. */
export function recordKeyScores(
  r: Recorder,
  { dims, kvPrecision }: StepForward,
  eviction: Eviction,
  store: HeldStore,
  next: GPUBuffer,
  rows: Bound,
  step: GPUBuffer,
  decoding: boolean,
): void {
  if (eviction.run.scoring?.from !== 'key') return;
  const { kvHeads, headDim } = dims;
  const params = { kvHeads, headDim, format: kvPrecision, decoding, ...layoutOf(store) };
  r.add(scoreKeys, params, { kv: store.kv, next, rows, step, added: store.added });
}

/** Moves the rows that were just computed into their slots. */
export function recordPlaceRow(
  r: Recorder,
  forward: StepForward,
  eviction: Eviction,
  owner: number,
  rows: Bound,
): void {
  const store = eviction.stores.get(owner);
  if (!store) return;
  const { kvHeads } = forward.dims;
  const { step } = forward.session;
  const params = { kvHeads, headWords: eviction.headWords, ...layoutOf(store) };
  r.add(placeRow, params, { row: store.row, kv: store.kv, next: store.next, rows, step });
  recordKeyScores(r, forward, eviction, store, store.next, rows, step, true);
}

/** The cut of every store after a token of each text was fed. */
export function recordEvictions(
  r: Recorder,
  { context, dims, session }: StepForward,
  eviction: Eviction,
  rowsOf: (owner: number) => Bound,
): void {
  const { scoring } = eviction.run;
  for (const store of eviction.stores.values()) {
    const { owner, held, added, next, windowTokens } = store;
    r.add(
      evict,
      {
        kvHeads: dims.kvHeads,
        ...layoutOf(store),
        windowed: windowTokens < Infinity,
        scores: scoresConstant(scoring),
        joint: eviction.run.jointHeads,
        workgroup: context.tuning.attendWorkgroup,
      },
      { held, added, next, rows: rowsOf(owner), step: session.step, policies: eviction.policies },
    );
    eviction.less?.recordAbsorbRow(r, owner, store, { held, rows: rowsOf(owner), step: session.step });
  }
}
