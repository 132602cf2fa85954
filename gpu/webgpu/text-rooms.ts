import { BackendError } from '../backend-error.ts';
import type { TextOptions } from '../backend.ts';
import { rowAt } from '../kv/rows.ts';
import { KvStores, type AllocateStore } from '../kv/stores.ts';
import { kvRowBytes, kvRowsAllocated } from '../kv/usage.ts';
import { kvOwners } from '../plan/sharing.ts';
import {
  anglesOf,
  kindOf,
  kindsOf,
  mostCapacity,
  roomFor,
  slotsFor,
  toWrite,
  type BatchBuffers,
  type BatchFacts,
  type StoreKind,
} from './batch-buffers.ts';
import type { SharedForward } from './batch-recordings.ts';
import { storeOf } from './decode.ts';
import type { Eviction } from './eviction.ts';
import { RowTables, type RowAt } from './row-tables.ts';
import type { SessionBuffers, StoreBuffer } from './session-buffers.ts';
import { SlotSpace } from './slot-space.ts';

/** Where a text's slots begin. Empty under a policy: there, a text's place says it. */
type FirstSlots = ReadonlyMap<StoreKind, number>;

/** What each text of a batch has of the buffers that they have in common. */
export class TextRooms {
  readonly #shared: SharedForward;
  readonly #facts: BatchFacts;
  readonly #buffers: BatchBuffers;
  readonly #evictionOf: typeof Eviction | null;
  readonly #spaces: ReadonlyMap<StoreKind, SlotSpace>;

  constructor(
    shared: SharedForward,
    facts: BatchFacts,
    buffers: BatchBuffers,
    evictionOf: typeof Eviction | null,
  ) {
    this.#shared = shared;
    this.#facts = facts;
    this.#buffers = buffers;
    this.#evictionOf = evictionOf;
    this.#spaces = new Map(
      (facts.eviction ? [] : kindsOf(facts.sharing)).map((kind) => [
        kind,
        new SlotSpace(slotsFor(facts, kind, buffers.places)),
      ]),
    );
  }

  /** What recordings see of a policy: what does not depend on the text. */
  exampleOfEviction(): Eviction | null {
    const { example } = this.#facts.eviction ?? {};
    if (!example) return null;
    return this.#openStores(0, { capacityTokens: mostCapacity(this.#facts), eviction: example }, new Map())
      .eviction;
  }

  /** @throws BackendError `out-of-memory` if other texts have too many of the slots */
  take(capacityTokens: number): FirstSlots {
    const taken = new Map<StoreKind, number>();
    for (const [kind, space] of this.#spaces) {
      const owner = { layer: 0, windowed: kind === 'windowed' };
      const slots = kvRowsAllocated(owner, capacityTokens, this.#facts.sharing.windowTokens);
      const first = space.take(slots);
      if (first === null) {
        this.free(taken);
        const bytes = slots * kvRowBytes(this.#shared.dims, this.#shared.kvPrecision);
        throw new BackendError({ code: 'out-of-memory', what: 'the stores of one more text', bytes });
      }
      taken.set(kind, first);
    }
    return taken;
  }

  /** What a text holds in the stores, and its policy. */
  #openStores(
    place: number,
    { capacityTokens, eviction: asked }: TextOptions,
    firstSlots: FirstSlots,
  ): { readonly stores: KvStores; readonly eviction: Eviction | null } {
    const { context, dims, sharing, kvPrecision } = this.#shared;
    const memory = this.#buffers.evictionMemory;
    const EvictionOf = this.#evictionOf;
    const eviction =
      EvictionOf && memory && asked ? new EvictionOf(context, dims, kvPrecision, asked, memory, place) : null;
    const allocate: AllocateStore = (owner, slots, rowBytes) => ({
      bytes: slots * rowBytes,
      firstSlot: firstSlots.get(kindOf(owner)) ?? 0,
    });
    const stores = new KvStores(sharing, dims, kvPrecision, capacityTokens, allocate, eviction?.caches);
    return { stores, eviction };
  }

  /** The buffers of the batch as one text sees them. */
  buffersOf(place: number, options: TextOptions, firstSlots: FirstSlots): SessionBuffers {
    const { sharing } = this.#shared;
    const { stores, eviction } = this.#openStores(place, options, firstSlots);
    const unturned = anglesOf(this.#facts);
    const tables = new Map<string, RowAt>();
    const storeBuffers = new Map<number, StoreBuffer>();
    const owners = kvOwners(sharing.layers);
    for (const kind of kindsOf(sharing)) {
      for (const { layer } of owners.filter((owner) => kindOf(owner) === kind)) {
        const { slots } = stores.of(layer);
        storeBuffers.set(layer, { ...storeOf(this.#buffers, layer), slots });
        // Stores of a kind have their rows in the same slots.
        const rows = eviction?.rowsOf(layer, unturned);
        tables.set(kind, rows?.read ?? ((position) => rowAt(slots, position, place)));
        if (rows && eviction?.ranked) tables.set(toWrite(kind), rows.write);
      }
    }
    return {
      ...this.#buffers,
      place,
      unturned,
      stores,
      eviction,
      storeBuffers,
      rowTables: new RowTables(tables, roomFor(this.#facts, this.#buffers.places)),
    };
  }

  /** Gives slots back. */
  free(firstSlots: FirstSlots): void {
    for (const [kind, first] of firstSlots) this.#spaces.get(kind)?.free(first);
  }
}
