import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners, type KvOwner, type Sharing } from '../plan/sharing.ts';
import { WindowedCache, type KvCache } from './cache.ts';
import type { Budget } from './policies/policy.ts';
import type { StoreRows } from './store-rows.ts';
import { linearSlots, ringSlots } from './slots.ts';
import {
  BYTES_PER_SCORED_ROW,
  kvRowBytes,
  kvRowsAllocated,
  type KvPrecision,
  type KvUsage,
} from './usage.ts';

/** The memory of one store. */
export interface StoreMemory {
  /** What the ledger counts for it. */
  readonly bytes: number;
  /** Where its slots begin: not at 0 if several texts have a buffer in common. */
  readonly firstSlot: number;
}

/** Takes memory for one store. */
export type AllocateStore = (owner: KvOwner, slots: number, rowBytes: number) => StoreMemory;

/** What a store under a policy is made for. */
export interface EvictingFacts {
  readonly owner: number;
  /** Through which every reader sees it; Infinity if one sees all. */
  readonly windowTokens: number;
  readonly capacityTokens: number;
  /** With the position and the score of every KV head. */
  readonly rowBytes: number;
}

/** Makes caches that a policy cuts, and takes their memory. Its code is loaded only for a text under a policy. */
export interface EvictingCaches {
  make(facts: EvictingFacts): KvCache;
}

/** All the stores of one text: what they hold, and how far the text can drop back. */
export class KvStores {
  /** By ascending owner. */
  readonly caches: readonly KvCache[];
  /** Bytes that one more token takes, windowed owners included. */
  readonly bytesPerToken: number;
  readonly #byOwner: ReadonlyMap<number, KvCache>;

  /**
   * @param capacityTokens the most positions that the text will have
   * @param evicting makes the caches of a text under a policy; absent to keep everything
   */
  constructor(
    { layers, windowTokens }: Sharing,
    dims: ModelDims,
    precision: KvPrecision,
    capacityTokens: number,
    allocate: AllocateStore,
    evicting?: EvictingCaches,
  ) {
    // Under a policy every KV head keeps a row's position and score beside it.
    const rowBytes = kvRowBytes(dims, precision) + (evicting ? BYTES_PER_SCORED_ROW * dims.kvHeads : 0);
    this.caches = kvOwners(layers).map((owner) => {
      if (evicting) {
        const window = owner.windowed ? windowTokens : Infinity;
        return evicting.make({ owner: owner.layer, windowTokens: window, capacityTokens, rowBytes });
      }
      const rows = kvRowsAllocated(owner, capacityTokens, windowTokens);
      const { bytes, firstSlot } = allocate(owner, rows, rowBytes);
      const slots = { ...(rows < capacityTokens ? ringSlots(rows) : linearSlots(rows)), firstSlot };
      return new WindowedCache({
        ...{ owner: owner.layer, slots, rowBytes, bytesAllocated: bytes },
        windowTokens: owner.windowed ? windowTokens : Infinity,
      });
    });
    this.#byOwner = new Map(this.caches.map((cache) => [cache.owner, cache]));
    this.bytesPerToken = this.caches.length * rowBytes;
  }

  of(owner: number): KvCache {
    const cache = this.#byOwner.get(owner);
    if (!cache) throw new RangeError(`layer ${owner} owns no KV`);
    return cache;
  }

  /** Positions of the text: those whose rows were kept. */
  get tokens(): number {
    return this.caches[0]?.end ?? 0;
  }

  /** Bytes of the rows held now, and of the states. */
  get bytesInUse(): number {
    return this.caches.reduce((bytes, cache) => bytes + cache.bytesInUse, 0);
  }

  /** Bytes that the ledger counts for the stores. */
  get bytesAllocated(): number {
    return this.caches.reduce((bytes, cache) => bytes + cache.bytesAllocated, 0);
  }

  /** See {@link KvCache.written}. */
  written(end: number, entered = Infinity): void {
    for (const cache of this.caches) cache.written(end, entered);
  }

  /** Notes that every store was cut when the text had so many tokens. */
  cut(textTokens: number, budget: Budget | null): void {
    for (const cache of this.caches) cache.cut(textTokens, budget);
  }

  /** See {@link KvCache.keep}. */
  keep(end: number): void {
    for (const cache of this.caches) cache.keep(end);
  }

  /**
   * Drops back to the first `tokens` positions.
   *
   * @returns false if a store no longer has the rows that the next token needs
   */
  rewind(tokens: number): boolean {
    const possible = this.caches.every((cache) => cache.canRewind(tokens));
    this.keep(tokens);
    return possible;
  }

  /** The rows of caches that know them: of a text without a policy. */
  rowsHeld(kvHeads: number): readonly StoreRows[] {
    return this.caches.map((cache) => ({
      owner: cache.owner,
      heads: Array.from({ length: kvHeads }, (_, kvHead) => {
        const positions = cache.positions(kvHead) ?? [];
        return { positions, scores: positions.map(() => 0), state: null };
      }),
    }));
  }

  /** The three figures of KV size. */
  usage(): KvUsage {
    const layers = this.caches.map(({ owner, rows, bytesInUse, stateBytes }) => ({
      layer: owner,
      rows,
      bytes: bytesInUse,
      stateBytes,
    }));
    return {
      bytes: this.bytesInUse,
      allocatedBytes: this.bytesAllocated,
      bytesPerToken: this.bytesPerToken,
      layers,
    };
  }
}
