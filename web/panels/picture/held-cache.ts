import type { StoreRows } from '../../../gpu/kv/store-rows.ts';
import { kvRowsHeld } from '../../../gpu/kv/usage.ts';
import type { LayerType } from '../../../gpu/plan/layer-types.ts';
import { kvOwners } from '../../../gpu/plan/sharing.ts';

/** Neighboring positions, the end excluded. */
export interface Positions {
  readonly from: number;
  readonly to: number;
}

/** What one KV head of a store holds. */
export interface HeldHead {
  /** Ascending. */
  readonly ranges: readonly Positions[];
  /** In the order of the positions; the newest rows may not be scored yet. Null if nothing scores them. */
  readonly scores: readonly number[] | null;
}

export interface HeldStore {
  readonly owner: number;
  /** The layers that read it, ascending. */
  readonly readers: readonly number[];
  /** One if all KV heads hold the same. */
  readonly heads: readonly HeldHead[];
}

/** What the caches of one text hold. */
export interface HeldCache {
  readonly textTokens: number;
  readonly stores: readonly HeldStore[];
}

const readersOf = (layers: readonly LayerType[], owner: number) =>
  layers.flatMap(({ readsFrom }, layer) => (readsFrom === owner ? [layer] : []));

/** What caches without a policy hold: everything, or what a window shows. */
export const plainCache = (
  layers: readonly LayerType[],
  windowTokens: number,
  textTokens: number,
): HeldCache => ({
  textTokens,
  stores: kvOwners(layers).map((owner) => {
    const rows = kvRowsHeld(owner, textTokens, windowTokens);
    const ranges = rows === 0 ? [] : [{ from: textTokens - rows, to: textTokens }];
    return { owner: owner.layer, readers: readersOf(layers, owner.layer), heads: [{ ranges, scores: null }] };
  }),
});

/** What a policy left, as a backend told it. */
export const storesTold = (layers: readonly LayerType[], told: readonly StoreRows[]): readonly HeldStore[] =>
  told.map(({ owner, heads }) => ({
    owner,
    readers: readersOf(layers, owner),
    heads: heads.map(({ positions, scores }) => ({
      ranges: rangesOf(positions),
      scores: scores.some((score) => score !== 0) ? scores : null,
    })),
  }));

/**
 * What a policy left when the text had `toldTokens`, and the tokens that were fed since then: the newest rows always
 * stay, and have no scores yet.
 */
export const evictedCache = (
  told: readonly HeldStore[],
  toldTokens: number,
  textTokens: number,
): HeldCache => ({
  textTokens,
  stores:
    textTokens <= toldTokens
      ? told
      : told.map((store) => ({
          ...store,
          heads: store.heads.map(({ ranges, scores }) => ({
            ranges: [...ranges, { from: toldTokens, to: textTokens }],
            scores,
          })),
        })),
});

/** Ascending positions as ranges. */
export function rangesOf(positions: readonly number[]): readonly Positions[] {
  const ranges: { from: number; to: number }[] = [];
  for (const position of positions) {
    const last = ranges.at(-1);
    if (last?.to === position) last.to++;
    else ranges.push({ from: position, to: position + 1 });
  }
  return ranges;
}

export const sameRanges = (a: readonly Positions[], b: readonly Positions[]): boolean =>
  a.length === b.length && a.every(({ from, to }, i) => from === b[i]?.from && to === b[i].to);

export const rowsOf = ({ ranges }: HeldHead): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from, 0);

/** The heads that hold a position, and the sum of its scores there. */
export function heldAt(
  heads: readonly HeldHead[],
  position: number,
): { heads: number; score: number | null } {
  let count = 0;
  let score: number | null = null;
  for (const { ranges, scores } of heads) {
    let before = 0;
    for (const { from, to } of ranges) {
      if (position >= from && position < to) {
        count++;
        if (scores) score = (score ?? 0) + (scores[before + position - from] ?? 0);
      }
      before += to - from;
    }
  }
  return { heads: count, score };
}

/** How much of each token is still held: from 0, gone everywhere, to 1, held by every head of every store. */
export function heldFractions({ textTokens, stores }: HeldCache): Float32Array {
  const held = new Float32Array(textTokens);
  const heads = stores.flatMap((store) => store.heads.map((head) => ({ head, of: store.heads.length })));
  for (const { head, of } of heads) {
    for (const { from, to } of head.ranges) {
      for (let position = from; position < Math.min(to, textTokens); position++) {
        held[position] = (held[position] ?? 0) + 1 / of / stores.length;
      }
    }
  }
  return held;
}

/** Rows that a head holds of the positions from `from` to before `to`. */
export const rowsIn = ({ ranges }: HeldHead, from: number, to: number): number =>
  ranges.reduce((sum, range) => sum + Math.max(0, Math.min(to, range.to) - Math.max(from, range.from)), 0);
