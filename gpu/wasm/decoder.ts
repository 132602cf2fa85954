import type { TextOptions } from '../backend.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
import { rowAt, ropeOf } from '../kv/rows.ts';
import { slotOf } from '../kv/slots.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import { newEvictingCache } from '../kv/evicting-cache.ts';
import { KvStores } from '../kv/stores.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import type { Decoder, StepWatch, Turn, TurnOptions } from '../cpu/decoder.ts';
import { EvictingStore } from './evicting-store.ts';
import type { Address } from './kernels.ts';
import { WasmLess } from './less.ts';
import type { LinearMemory } from './linear-memory.ts';
import type { WasmLayers } from './layers.ts';
import type { Evicting, FreshRows, KvTarget, Query, Store } from './query.ts';
import { prefillTogether, type ReadingText } from './prefill.ts';
import { policyRunOf, type SharedByTexts } from './shared.ts';
import { stepTogether, type SteppingText } from './step.ts';

/** The batch of a text. */
export interface TextsTogether {
  /** A text has freed what is its own. */
  closed(text: WasmDecoder): void;
}

/** The decoder of `reference/decoder.ts`, with its arithmetic in WebAssembly. */
export class WasmDecoder implements Decoder, SteppingText, ReadingText {
  readonly stores: KvStores;
  readonly #shared: SharedByTexts;
  readonly #memory: LinearMemory;
  readonly #dims: ModelDims;
  readonly #store = new Map<number, Store>();
  readonly #layers: WasmLayers;
  readonly #taken: Address[] = [];
  readonly #rowBytes: number;
  /** The stores under a policy, by owner; null if everything is kept. */
  readonly #evicting: ReadonlyMap<number, EvictingStore> | null;
  readonly #run: PolicyRun;
  /** Null without LESS. */
  readonly #less: WasmLess | null = null;
  /** One row, before each KV head of it goes to a slot of its own. */
  readonly #oneRow: Address;
  /** Null if nothing is shared: the decoder then owns it all. */
  readonly #batch: TextsTogether | null;
  /** The first position of the turn that is being read; null while decoding. */
  #promptStart: number | null = null;
  /** The rank of the current query in each store; before its own row is written. */
  #ranks: ReadonlyMap<number, number> = new Map();
  #takenBytes = 0;
  #tokens = 0;

  /**
   * @param batch the texts that it shares `shared` with; null for a text that is alone
   * @throws BackendError `out-of-memory`
   */
  constructor(shared: SharedByTexts, text: TextOptions, batch: TextsTogether | null) {
    const { memory, kernels, dims, options, layers } = shared;
    const { capacityTokens, eviction } = text;
    const { sharing, kvPrecision } = options;
    this.#shared = shared;
    this.#memory = memory;
    this.#dims = dims;
    this.#layers = layers;
    this.#batch = batch;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    this.#run = policyRunOf(text);
    const take = (what: string, bytes: number) => {
      const address = memory.allocate(what, bytes);
      this.#taken.push(address);
      this.#takenBytes += bytes;
      return address;
    };
    const { policy } = this.#run;
    try {
      const addresses = new Map<number, Address>();
      const evicting = new Map<number, EvictingStore>();
      const { heads, kvHeads, headDim } = dims;
      const shape = { heads, kvHeads, headDim, half: kvPrecision === 'f16' };
      const scratch = { ...layers.scratch, ...(policy.positions === 'absolute' && { rope: 0 }) };
      if (eviction?.kernels) {
        this.#less = new WasmLess(memory, kernels, shape, eviction.kernels, scratch.widened, take);
      }
      this.stores = new KvStores(
        sharing,
        dims,
        kvPrecision,
        capacityTokens,
        ({ layer }, slots, rowBytes) => {
          const bytes = slots * rowBytes;
          addresses.set(layer, take(`kv/layer-${layer}`, bytes));
          return { bytes, firstSlot: 0 };
        },
        eviction && {
          make: (facts) =>
            newEvictingCache(facts, eviction, 0, (slots) => {
              const { owner, windowTokens } = facts;
              const before = this.#takenBytes;
              const sizes = { owner, slots, windowTokens };
              const state = this.#less?.newState(owner, take) ?? null;
              const store = new EvictingStore(memory, kernels, shape, this.#run, sizes, state, scratch, take);
              evicting.set(owner, store);
              return this.#takenBytes - before;
            }),
        },
      );
      for (const [owner, address] of addresses) {
        this.#store.set(owner, { address, slots: this.stores.of(owner).slots });
      }
      this.#evicting = eviction ? evicting : null;
      this.#oneRow = eviction ? take('one row', this.#rowBytes) : 0;
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Without what it shares with other texts. */
  get allocatedBytes(): number {
    const own = this.#takenBytes + (this.#less?.bytes ?? 0);
    return this.#batch ? own : own + this.#shared.allocatedBytes;
  }

  step(token: number, watch?: StepWatch): Float32Array {
    const [hidden = new Float32Array()] = stepTogether(this.#shared, [{ text: this, token }], watch);
    return hidden;
  }

  get keepsEverything(): boolean {
    return this.#evicting === null;
  }

  startStep(): void {
    const position = this.#tokens++;
    this.stores.written(this.#tokens);
    this.#startScores();
    this.#ranks = new Map(
      [...(this.#evicting ?? [])].map(([owner, store]) => [owner, this.#rankIn(store, position)]),
    );
  }

  kvTarget(owner: number): KvTarget {
    const position = this.#tokens - 1;
    const store = this.#store.get(owner);
    if (store) {
      const { slot, rope } = rowAt(store.slots, position);
      return { into: store.address + slot * this.#rowBytes, rope };
    }
    return { into: this.#rowsToWrite(owner, position), rope: this.#turnsByRank ? null : ropeOf(position) };
  }

  kvWritten(owner: number, row: number): void {
    this.#noteWritten(owner, this.#tokens - 1, row);
  }

  query(layer: LayerType): Query {
    const position = this.#tokens - 1;
    const rope = this.#turnsByRank ? (this.#ranks.get(layer.readsFrom) ?? 0) : ropeOf(position);
    const evicting = this.#evictingView(layer, () => true);
    return { position, rope, stores: this.#store, fresh: null, evicting };
  }

  feed(token: number): Float32Array {
    this.startFeed();
    const hidden = this.step(token);
    this.cut();
    return hidden;
  }

  /** A token is about to be fed while decoding. */
  startFeed(): void {
    this.#run.tokenFed();
  }

  /** Cuts the stores after a token was fed. */
  cut(): void {
    for (const store of this.#evicting?.values() ?? []) store.cut(this.#tokens);
    this.stores.cut(this.#tokens, this.#run.budget);
  }

  startPrompt(tokens: number): void {
    this.#run.promptStarts();
    this.#promptStart = this.#tokens;
    for (const store of this.#evicting?.values() ?? []) {
      store.dropPrompt();
      store.startPrompt(this.#tokens, tokens);
    }
  }

  endPrompt(): void {
    this.#run.promptEnded(this.#tokens);
    this.#promptStart = null;
    for (const store of this.#evicting?.values() ?? []) store.endPrompt(this.#tokens);
    this.stores.cut(this.#tokens, this.#run.budget);
  }

  rowsHeld(): readonly StoreRows[] {
    if (!this.#evicting) return this.stores.rowsHeld(this.#dims.kvHeads);
    return [...this.#evicting.values()].map((store) => store.report());
  }

  rewind(tokens: number): boolean {
    for (const store of this.#evicting?.values() ?? []) store.dropPrompt();
    this.#promptStart = null;
    this.#tokens = tokens;
    return this.stores.rewind(tokens);
  }

  async parallel(turn: Turn, options: TurnOptions): Promise<readonly Float32Array[]> {
    const [hidden = []] = await prefillTogether(this.#shared, [{ ...turn, text: this }], options);
    return hidden;
  }

  get scores(): ReadingText['scores'] {
    const { accumulates, newestOnly } = this.#run;
    return accumulates ? 'all' : newestOnly ? 'newest' : 'none';
  }

  get isScored(): boolean {
    return this.#run.scoring !== null;
  }

  startTurn(count: number, take: (what: string, bytes: number) => Address): ReadonlyMap<number, Address> {
    this.#startScores();
    return new Map(
      this.stores.caches.map(({ owner }) => {
        const store = this.#evicting?.get(owner);
        return [owner, store?.rowsFrom(store.held) ?? take(`kv/layer-${owner}`, count * this.#rowBytes)];
      }),
    );
  }

  turnTarget(owner: number, position: number, { rows, slots }: FreshRows): KvTarget {
    if (this.#evicting) {
      return { into: this.#rowsToWrite(owner, position), rope: this.#turnsByRank ? null : ropeOf(position) };
    }
    const into = (rows.get(owner) ?? 0) + slotOf(slots, position) * this.#rowBytes;
    return { into, rope: ropeOf(position) };
  }

  turnWritten(owner: number, position: number, blockRow: number): void {
    this.#noteWritten(owner, position, blockRow);
  }

  turnQuery(
    layer: LayerType,
    position: number,
    fresh: FreshRows,
    scored: (position: number) => boolean,
  ): Query {
    const evicting = this.#evictingView(layer, scored);
    const rope = evicting && this.#turnsByRank ? this.#rankIn(evicting.store, position) : ropeOf(position);
    return { position, rope, stores: this.#store, fresh, evicting };
  }

  endTurn(fresh: FreshRows): void {
    for (const [owner, store] of this.#store) this.#keepRows(store, fresh, fresh.rows.get(owner) ?? 0);
    this.#tokens += fresh.count;
    this.stores.written(this.#tokens);
  }

  logits(hidden: Float32Array): Float32Array {
    return this.#shared.logitsOfOne(hidden);
  }

  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    this.#shared.logitsOf(hidden, onRow);
  }

  finalNorm(hidden: Float32Array): Float32Array {
    const { memory, layers, dims, hidden: at } = this.#shared;
    memory.floats(at, dims.hiddenSize).set(hidden);
    return this.#shared.read(layers.finalNorm(at, 1));
  }

  close(): void {
    for (const store of this.#evicting?.values() ?? []) store.dropPrompt();
    this.#free();
    if (this.#batch) this.#batch.closed(this);
    else this.#shared.close();
  }

  get #turnsByRank(): boolean {
    return this.#run.policy.positions === 'cache';
  }

  /** Rows of a store with positions below a query's own. */
  #rankIn(store: EvictingStore, position: number): number {
    return store.held + (this.#promptStart === null ? 0 : position - this.#promptStart);
  }

  #startScores(): void {
    if (!this.#run.newestOnly) return;
    for (const store of this.#evicting?.values() ?? []) store.clearScores();
  }

  #evictingView(reader: LayerType, scored: (position: number) => boolean): Evicting | null {
    const store = this.#evicting?.get(reader.readsFrom);
    if (!store) return null;
    const recall = this.#less?.recallOf(reader) ?? null;
    return { store, run: this.#run, promptStart: this.#promptStart, scored, recall };
  }

  /** Where the rows of a store under a policy are written, from a position on: its slots, or a place beside them. */
  #rowsToWrite(owner: number, position: number): Address {
    const store = this.#evicting?.get(owner);
    if (!store) throw new Error(`layer ${owner} owns no KV`);
    const slots = store.slotsFor(position, this.#promptStart ?? 0);
    const [first = 0] = slots;
    return slots.every((slot) => slot === first) ? store.rowsFrom(first) : this.#oneRow;
  }

  /** Puts a row that was written where the store has room, and scores it. Nothing if everything is kept. */
  #noteWritten(owner: number, position: number, blockRow: number): void {
    const store = this.#evicting?.get(owner);
    if (!store) return;
    const start = this.#promptStart ?? 0;
    if (this.#rowsToWrite(owner, position) === this.#oneRow) {
      const headBytes = this.#rowBytes / 2 / this.#dims.kvHeads;
      for (const [head, slot] of store.slotsFor(position, start).entries()) {
        for (const part of [0, 1]) {
          const at = (part * this.#dims.kvHeads + head) * headBytes;
          this.#memory.copy(this.#oneRow + at, store.rowsFrom(slot) + at, headBytes);
        }
      }
    }
    const { scoring } = this.#run;
    if (scoring?.from === 'key') {
      store.scoreKeys(position, start, scoring.scoreOf, this.#layers.keysOf(blockRow));
    }
    store.written(position);
  }

  /** Copies a turn's rows into a store: the last ones, if a ring does not hold all. */
  #keepRows({ address, slots }: Store, fresh: FreshRows, rows: Address): void {
    const end = fresh.start + fresh.count;
    for (let position = Math.max(fresh.start, end - slots.slots); position < end; position++) {
      const from = rows + slotOf(fresh.slots, position) * this.#rowBytes;
      this.#memory.copy(from, address + slotOf(slots, position) * this.#rowBytes, this.#rowBytes);
    }
  }

  #free(): void {
    for (const address of this.#taken.splice(0)) this.#memory.free(address);
    this.#takenBytes = 0;
    this.#less?.free();
  }
}
