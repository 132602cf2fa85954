import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners, type Sharing } from '../plan/sharing.ts';
import { WindowedCache, type KvCache } from './cache.ts';
import { BYTES_PER_SCORED_ROW, EvictingCache } from './evicting-cache.ts';
import type { Budget, PolicyOptions } from './policies/policy.ts';
import { mostRows } from './policies/policies.ts';
import type { StoreRows } from './store-rows.ts';
import { evictingSlots, linearSlots, ringSlots } from './slots.ts';
import { kvRowBytes, kvRowsAllocated, type KvPrecision, type KvUsage } from './usage.ts';

/**
 * Takes zeroed memory for one store.
 *
 * @param bytes those of `slots` rows
 * @returns the bytes that the ledger counts for it
 */
export type AllocateStore = (owner: number, bytes: number, slots: number) => number;

/** The window through which every reader of a store sees it; Infinity if one sees the whole text. */
export const kvWindow = ({ layers, windowTokens }: Sharing, owner: number): number =>
  layers.some(({ readsFrom, windowed }) => readsFrom === owner && !windowed) ? Infinity : windowTokens;

/** All the stores of one text: what they hold, and how far the text can drop back. */
export class KvStores {
  /** By ascending owner. */
  readonly caches: readonly KvCache[];
  /** Bytes that one more token takes, windowed owners included. */
  readonly bytesPerToken: number;
  readonly #byOwner: ReadonlyMap<number, KvCache>;

  /**
   * @param capacityTokens the most positions that the text will have
   * @param eviction absent to keep everything. `stepsInFlight` is how many steps may be thrown away: they must overwrite
   *                 nothing that is still needed
   */
  constructor(
    { layers, windowTokens }: Sharing,
    dims: ModelDims,
    precision: KvPrecision,
    capacityTokens: number,
    allocate: AllocateStore,
    eviction?: PolicyOptions & { readonly stepsInFlight: number },
  ) {
    const plainRowBytes = kvRowBytes(dims, precision);
    const rowBytes = plainRowBytes + (eviction ? BYTES_PER_SCORED_ROW * dims.kvHeads : 0);
    this.caches = kvOwners(layers).map((owner) => {
      if (eviction) {
        const keepsTokens = owner.windowed ? windowTokens : Infinity;
        const kept = Math.min(mostRows(eviction.policy, eviction.promptTokens), keepsTokens, capacityTokens);
        // A step sees its own row too.
        const slots = evictingSlots(Math.min(capacityTokens, kept + 1 + eviction.stepsInFlight));
        const bytesAllocated = allocate(owner.layer, slots.slots * rowBytes, slots.slots);
        return new EvictingCache({ owner: owner.layer, slots, rowBytes, bytesAllocated }, keepsTokens);
      }
      const rows = kvRowsAllocated(owner, capacityTokens, windowTokens);
      const slots = rows < capacityTokens ? ringSlots(rows) : linearSlots(rows);
      const bytesAllocated = allocate(owner.layer, rows * rowBytes, rows);
      return new WindowedCache({
        ...{ owner: owner.layer, slots, rowBytes, bytesAllocated },
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

  /** Bytes of the rows held now. */
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
    for (const cache of this.caches) if (cache instanceof EvictingCache) cache.cut(textTokens, budget);
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
        return { positions, scores: positions.map(() => 0) };
      }),
    }));
  }

  /** The three figures of KV size. */
  usage(): KvUsage {
    const layers = this.caches.map(({ owner, rows, bytesInUse }) => ({
      layer: owner,
      rows,
      bytes: bytesInUse,
    }));
    return {
      bytes: this.bytesInUse,
      allocatedBytes: this.bytesAllocated,
      bytesPerToken: this.bytesPerToken,
      layers,
    };
  }
}
