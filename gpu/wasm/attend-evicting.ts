/** Attention to a store under a policy. */
import type { HeadAttention } from '../kv/head-attention.ts';
import { maskOf, visibleKeys } from '../kv/mask.ts';
import { gumbelTable, noiseOfQuery } from '../kv/policies/noise.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Sharing } from '../plan/sharing.ts';
import type { AttentionScratch } from './attend-rows.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import type { Evicting, Query } from './query.ts';
import { readAttention, seenIn, type PositionOf } from './read-attention.ts';

/** The scratch of attention to one row; 0 of what nothing needs. */
interface EvictingScratch extends AttentionScratch {
  // For Keyformer's scores.
  readonly noisy: Address; //  [heads, capacity]
  readonly hashes: Address; // [heads]
  readonly noise: Address; //  the table of kv/policies/noise.ts
  // For LESS.
  readonly sums: Address; //   [heads, (maximum, Σ exp)]
}

/** One query row at a time, over what it sees of a store under a policy, whose scores it adds to. */
export class EvictingAttention {
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #dims: ModelDims;
  readonly #sharing: Sharing;
  readonly #scratch: EvictingScratch;

  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    dims: ModelDims,
    sharing: Sharing,
    scratch: EvictingScratch,
  ) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#dims = dims;
    this.#sharing = sharing;
    this.#scratch = scratch;
    if (scratch.noise !== 0) memory.floats(scratch.noise, gumbelTable.length).set(gumbelTable);
  }

  /** @param into zero before */
  attend(
    type: LayerType,
    q: Address,
    { position, onAttention }: Query,
    { store, run, promptStart, scored, recall }: Evicting,
    into: Address,
  ): void {
    const { heads, kvHeads, headDim } = this.#dims;
    const { stride, widened, scores, noisy: noisyScores, hashes: hashesAt, sums: sumsAt } = this.#scratch;
    const kernels = this.#kernels;
    const mask = maskOf(this.#sharing, type);
    const { from, to } = visibleKeys(position, mask);
    const older = promptStart === null ? store.count : store.held;
    const firstNew = Math.max(from, promptStart ?? to);
    const runs = [
      { slot: 0, rows: older, at: scores },
      {
        slot: store.held + firstNew - (promptStart ?? to),
        rows: Math.max(0, to - firstNew),
        at: scores + 4 * older,
      },
    ].filter(({ rows }) => rows > 0);
    const keys = runs.reduce((sum, { rows }) => sum + rows, 0);
    if (keys === 0 && !recall) {
      onAttention?.(
        type.index,
        this.#softened(0, () => null, null),
      );
      return;
    }
    for (const { slot, rows, at } of runs) {
      const { address, half, rowBytes } = store.keysFrom(slot);
      kernels.scoreKeys(half, q, heads, kvHeads, headDim, address, rowBytes, rows, at, stride, widened);
    }
    const positionsFrom = (slot: number) => store.positionsAt + 4 * slot;
    // Only a store whose readers all have a window may hold fewer rows in one KV head than in another; and a layer that
    // does not see its own position may read before the owner has written. In all other cases no slot is free.
    if (older > 0 && (type.windowed || !mask.diagonal)) {
      const positions = positionsFrom(0);
      kernels.maskScores(scores, stride, heads, kvHeads, older, positions, store.strideBytes, from, to);
    }
    const { scoring, policy, tau } = run;
    const adds = scoring?.from === 'attention' && scored(position);
    const noisy = adds && scoring.noisy;
    if (noisy) {
      const hashes = this.#memory.floats(hashesAt, heads);
      const words = new Uint32Array(hashes.buffer, hashes.byteOffset, heads);
      for (let head = 0; head < heads; head++) {
        words[head] = noiseOfQuery(policy.seed, type.index, head, position);
      }
      for (const { slot, rows, at } of runs) {
        kernels.addNoise(
          at,
          stride,
          heads,
          kvHeads,
          rows,
          positionsFrom(slot),
          store.strideBytes,
          hashesAt,
          this.#scratch.noise,
          tau,
          noisyScores + (at - scores),
        );
      }
      kernels.soften(noisyScores, stride, heads, keys);
    }
    if (recall) kernels.sumExponentials(scores, stride, heads, keys, sumsAt);
    kernels.soften(scores, stride, heads, keys);
    for (const { slot, rows, at } of runs) {
      const { half, rowBytes } = this.#scratch;
      const values = store.rowsFrom(slot) + rowBytes / 2;
      kernels.mixValues(half, at, stride, heads, kvHeads, headDim, values, rowBytes, rows, into, widened);
      if (!adds) continue;
      const probabilities = noisy ? noisyScores + (at - scores) : at;
      const sumsOfRows = store.scoresAt + 4 * slot;
      kernels.addProbabilities(probabilities, stride, heads, kvHeads, rows, sumsOfRows, store.strideBytes);
    }
    recall?.(q, sumsAt, into);
    if (!onAttention) return;
    const seen = seenIn(this.#memory, store, runs, { from, to });
    onAttention(type.index, this.#softened(keys, seen, recall && sumsAt));
  }

  /** What each head reads, once the scores of a row are probabilities. See {@link readAttention}. */
  #softened(keys: number, positionOf: PositionOf, sums: Address | null): readonly HeadAttention[] {
    const { heads, kvHeads } = this.#dims;
    const { scores, stride } = this.#scratch;
    const fractions = (head: number): readonly [number, number] => {
      const [ofRows = 1, recalled = 0] = sums === null ? [] : this.#memory.floats(sums + 8 * head, 2);
      return [ofRows, recalled];
    };
    return readAttention(
      { memory: this.#memory, scores, stride, heads, kvHeads, keys },
      positionOf,
      fractions,
    );
  }
}
