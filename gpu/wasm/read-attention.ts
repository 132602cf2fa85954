import type { HeadAttention } from '../kv/head-attention.ts';
import type { EvictingStore } from './evicting-store.ts';
import type { Address } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';

/** Where what became of the scores of one row lies. */
interface SoftenedScores {
  readonly memory: LinearMemory;
  /** `[heads, keys]` with so many bytes from head to head. */
  readonly scores: Address;
  readonly stride: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly keys: number;
}

/** The position of a key of a KV head; null if the query does not see it. */
export type PositionOf = (kvHead: number, key: number) => number | null;

/**
 * What each query head reads.
 *
 * @param fractions by which the numbers of a head are multiplied to be probabilities, and what its state makes of its output
 */
export function readAttention(
  { memory, scores, stride, heads, kvHeads, keys }: SoftenedScores,
  positionOf: PositionOf,
  fractions: (head: number) => readonly [number, number],
): readonly HeadAttention[] {
  return Array.from({ length: heads }, (_, head) => {
    const [ofRows, recalled] = fractions(head);
    const softened = memory.floats(scores + stride * head, keys);
    const kvHead = Math.floor((head * kvHeads) / heads);
    const positions: number[] = [];
    const probabilities: number[] = [];
    for (const [key, probability] of softened.entries()) {
      const position = positionOf(kvHead, key);
      if (position === null) continue;
      positions.push(position);
      probabilities.push(ofRows * probability);
    }
    return { positions, probabilities: Float32Array.from(probabilities), recalled };
  });
}

/**
 * The positions of the keys of a store under a policy, of which a query sees those from `from` to before `to`.
 *
 * @param runs slots that follow each other, in the order of the keys
 */
export const seenIn =
  (
    memory: LinearMemory,
    { positionsAt, strideBytes }: EvictingStore,
    runs: readonly { readonly slot: number; readonly rows: number }[],
    { from, to }: { readonly from: number; readonly to: number },
  ): PositionOf =>
  (kvHead, key) => {
    let first = 0;
    for (const { slot, rows } of runs) {
      if (key < first + rows) {
        const [found = -1] = memory.ints(positionsAt + strideBytes * kvHead + 4 * (slot + key - first), 1);
        return found >= from && found < to ? found : null;
      }
      first += rows;
    }
    return null;
  };
