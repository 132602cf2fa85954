import type { ModelDims } from '../plan/model-dims.ts';
import { kvOwners, type Sharing } from '../plan/sharing.ts';
import { WindowedCache, type KvCache } from './cache.ts';
import { linearSlots, ringSlots, type SlotLayout } from './slots.ts';
import { kvRowBytes, kvRowsAllocated, type KvPrecision, type KvUsage } from './usage.ts';

/**
 * Takes zeroed memory for one store.
 *
 * @returns the bytes that the ledger counts for it
 */
export type AllocateStore = (owner: number, bytes: number) => number;

/** All the stores of one text: what they hold, and how far the text can drop back. */
export class KvStores {
  /** By ascending owner. */
  readonly caches: readonly KvCache[];
  /** Bytes that one more token takes, windowed owners included. */
  readonly bytesPerToken: number;
  readonly #byOwner: ReadonlyMap<number, KvCache>;

  /** @param capacityTokens the most positions that the text will have */
  constructor(
    { layers, windowTokens }: Sharing,
    dims: ModelDims,
    precision: KvPrecision,
    capacityTokens: number,
    allocate: AllocateStore,
  ) {
    const rowBytes = kvRowBytes(dims, precision);
    this.caches = kvOwners(layers).map((owner) => {
      const rows = kvRowsAllocated(owner, capacityTokens, windowTokens);
      const slots = rows < capacityTokens ? ringSlots(rows) : linearSlots(rows);
      const bytesAllocated = allocate(owner.layer, rows * rowBytes);
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

  /** The layouts that occur: stores of one kind have the same. */
  get layouts(): readonly SlotLayout[] {
    const byKind = new Map(this.caches.map(({ slots }) => [slots.kind, slots]));
    return [...byKind.values()];
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
