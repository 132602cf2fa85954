import type { SessionOptions } from '../backend.ts';
import { toFloat32 } from '../numbers/element-type.ts';
import { keepEverything } from '../kv/policies/keep-everything.ts';
import { mostRowsAtOnce } from '../kv/policies/policies.ts';
import { PolicyRun } from '../kv/policies/policy-run.ts';
import { rowAt, ropeOf } from '../kv/rows.ts';
import { scratchSlots, slotOf } from '../kv/slots.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import { newEvictingCache } from '../kv/evicting-cache.ts';
import { KvStores } from '../kv/stores.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { Group } from '../plan/forward-plan.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { Breathe, Decoder, TurnOptions } from '../cpu/decoder.ts';
import { movements } from '../cpu/movements.ts';
import { EvictingStore } from './evicting-store.ts';
import type { Address, Kernels } from './kernels.ts';
import { WasmLess } from './less.ts';
import type { LinearMemory } from './linear-memory.ts';
import { WasmLayers, type Evicting, type FreshRows, type Rows, type Store } from './layers.ts';
import { padded } from './tensor.ts';
import type { PlanWeights } from './plan-weights.ts';
import { rowsOfLogits } from './rows-of-logits.ts';

/** Rows of a turn that go through a matrix together, so that its weights come from the CPU cache. */
const BLOCK_ROWS = 16;

/** The decoder of `reference/decoder.ts`, with its arithmetic in WebAssembly. */
export class WasmDecoder implements Decoder {
  readonly stores: KvStores;
  readonly #memory: LinearMemory;
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #options: SessionOptions;
  readonly #store: Map<number, Store>;
  readonly #layers: WasmLayers;
  readonly #taken: Address[] = [];
  readonly #hidden: Address;
  readonly #logits: Address;
  readonly #rowBytes: number;
  /** The stores under a policy, by owner; null if everything is kept. */
  readonly #evicting: ReadonlyMap<number, EvictingStore> | null;
  readonly #run: PolicyRun;
  /** Null without LESS. */
  readonly #less: WasmLess | null = null;
  /** One row, before each KV head of it goes to a slot of its own. */
  readonly #oneRow: Address;
  /** The first position of the turn that is being read; null while decoding. */
  #promptStart: number | null = null;
  #takenBytes = 0;
  #tokens = 0;

  /** @throws BackendError `out-of-memory` */
  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    dims: ModelDims,
    weights: PlanWeights,
    options: SessionOptions,
  ) {
    const { sharing, kvPrecision, capacityTokens, eviction } = options;
    this.#memory = memory;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    this.#run = new PolicyRun(eviction?.policy ?? keepEverything, eviction?.scored ?? false);
    const take = (what: string, bytes: number) => {
      const address = memory.allocate(what, bytes);
      this.#taken.push(address);
      this.#takenBytes += bytes;
      return address;
    };
    const { policy } = this.#run;
    const mostRowsSeen = eviction ? mostRowsAtOnce(eviction, capacityTokens) : capacityTokens;
    const sizes = {
      mostRowsSeen,
      angles: policy.positions === 'cache' ? mostRowsSeen : capacityTokens,
      noisy: this.#run.noisy,
      recalls: (eviction?.kernels ?? null) !== null,
    };
    try {
      const addresses = new Map<number, Address>();
      const evicting = new Map<number, EvictingStore>();
      this.#store = new Map();
      this.#layers = new WasmLayers(
        memory,
        kernels,
        dims,
        weights,
        options,
        this.#store,
        BLOCK_ROWS,
        sizes,
        take,
      );
      const { heads, kvHeads, headDim } = dims;
      const shape = { heads, kvHeads, headDim, half: kvPrecision === 'f16' };
      const scratch = { ...this.#layers.scratch, ...(policy.positions === 'absolute' && { rope: 0 }) };
      if (eviction?.kernels) {
        this.#less = new WasmLess(memory, kernels, shape, eviction.kernels, scratch.widened, take);
      }
      this.stores = new KvStores(
        sharing,
        dims,
        kvPrecision,
        capacityTokens,
        (owner, bytes) => {
          addresses.set(owner, take(`kv/layer-${owner}`, bytes));
          return bytes;
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
      this.#hidden = take('hidden', 4 * padded(dims.hiddenSize));
      this.#logits = take('logits', 4 * padded(dims.vocabSize));
      this.#oneRow = eviction ? take('one row', this.#rowBytes) : 0;
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  get tokens(): number {
    return this.#tokens;
  }

  get allocatedBytes(): number {
    return this.#takenBytes + this.#weights.bytes + (this.#less?.bytes ?? 0);
  }

  step(token: number, onState?: (hidden: Float32Array) => void): Float32Array {
    const position = this.#tokens++;
    this.stores.written(this.#tokens);
    this.#startScores();
    const row: Rows = { hidden: this.#hidden, position, rope: ropeOf(position), count: 1 };
    this.#embed(token, this.#hidden);
    onState?.(this.#read(this.#hidden));
    // Before the layers write: the rank of this position's query in each store.
    const ranks = new Map(
      [...(this.#evicting ?? [])].map(([owner, store]) => [owner, this.#rankIn(store, position)]),
    );
    for (const layer of this.#options.sharing.layers) {
      const { index, readsFrom } = layer;
      const own = this.#store.get(index);
      if (own) {
        this.#layers.writeKv(index, row, own.address + rowAt(own.slots, position).slot * this.#rowBytes);
      }
      this.#writeEvicting(index, row);
      const read = this.#evictingView(layer, () => true);
      const rope = this.#turnsByRank ? (ranks.get(readsFrom) ?? 0) : row.rope;
      this.#layers.finish(index, { ...row, rope }, null, read);
      onState?.(this.#read(this.#hidden));
    }
    return this.#read(this.#hidden);
  }

  feed(token: number): Float32Array {
    this.#run.tokenFed();
    const hidden = this.step(token);
    for (const store of this.#evicting?.values() ?? []) store.cut(this.#tokens);
    this.stores.cut(this.#tokens, this.#run.budget);
    return hidden;
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

  async parallel(
    tokens: readonly number[],
    { passes, everyRow, breathe, onMovement, onHidden }: TurnOptions,
  ): Promise<readonly Float32Array[]> {
    const start = this.#tokens;
    const hiddenBytes = 4 * padded(this.#dims.hiddenSize) * tokens.length;
    const taken: Address[] = [];
    const take = (what: string, bytes: number) => {
      const address = this.#memory.allocate(`prefill/${what}`, bytes);
      taken.push(address);
      return address;
    };
    try {
      const hidden = take('hidden', hiddenBytes);
      const entering = take('entering', hiddenBytes);
      const turn = new Map(
        this.stores.caches.map(({ owner }) => {
          const store = this.#evicting?.get(owner);
          const rows =
            store?.rowsFrom(store.held) ?? take(`kv/layer-${owner}`, tokens.length * this.#rowBytes);
          return [owner, rows];
        }),
      );
      this.#startScores();
      const { accumulates, newestOnly } = this.#run;
      for (const [i, token] of tokens.entries()) this.#embed(token, this.#rowOf(hidden, i));
      const allRows = () => tokens.map((_, i) => this.#read(this.#rowOf(hidden, i)));
      onHidden?.(0, allRows());

      const schedule = prefillSchedule(this.#options.sharing, passes, {
        firstTurn: start === 0,
        everyRow: everyRow || accumulates,
      });
      const work = schedule.reduce((sum, { steps }) => sum + steps.length, 0);
      const fresh = { start, count: tokens.length, slots: scratchSlots(tokens.length, start), rows: turn };
      let done = 0;
      let relative: number[] = [];
      for (const pass of schedule) {
        const watched = onMovement && pass.group.iterated;
        const before = watched ? this.#rowsReadFromBelow(pass.group, fresh) : [];
        this.#enterPass(pass, hidden, entering, hiddenBytes);
        for (const step of pass.steps) {
          const breatheHere = (ofStep: number) => breathe((done + ofStep) / work);
          const scores = pass.pass === pass.passes - 1 && (accumulates || newestOnly);
          const scored = (position: number) =>
            scores && (accumulates || position === start + tokens.length - 1);
          await this.#prefillLayer(
            { ...step, seesOnlyZeros: step.seesOnlyZeros && !scores },
            hidden,
            fresh,
            scored,
            breatheHere,
          );
          if (onHidden && pass.pass === pass.passes - 1) onHidden(step.layer + 1, allRows());
          done++;
        }
        if (!watched) continue;
        relative.push(...movements(before, this.#rowsReadFromBelow(pass.group, fresh)));
        if (pass.pass < pass.passes - 1) continue;
        onMovement({ group: pass.group, passes: pass.passes, relative: Float32Array.from(relative) });
        relative = [];
      }
      for (const [owner, store] of this.#store) this.#keepRows(store, fresh, turn.get(owner) ?? 0);
      this.#tokens += tokens.length;
      this.stores.written(this.#tokens);
      return allRows();
    } finally {
      for (const address of taken) this.#memory.free(address);
    }
  }

  logits(hidden: Float32Array): Float32Array {
    const { hiddenSize, vocabSize, tiedEmbeddings } = this.#dims;
    this.#memory.floats(this.#hidden, hiddenSize).set(hidden);
    this.#layers.normAndProject(this.#hidden, tiedEmbeddings ? 'embed' : 'head', this.#logits, 1);
    return this.#memory.floats(this.#logits, vocabSize);
  }

  logitsOf(hidden: readonly Float32Array[], onRow: (index: number, logits: Float32Array) => void): void {
    rowsOfLogits(this.#memory, this.#layers, this.#dims, BLOCK_ROWS, hidden, onRow);
  }

  finalNorm(hidden: Float32Array): Float32Array {
    const { hiddenSize } = this.#dims;
    this.#memory.floats(this.#hidden, hiddenSize).set(hidden);
    return this.#read(this.#layers.finalNorm(this.#hidden, 1));
  }

  close(): void {
    for (const store of this.#evicting?.values() ?? []) store.dropPrompt();
    this.#free();
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

  /** Computes a block's keys and values under a policy, and puts them where the store has room. */
  #writeEvicting(layer: number, rows: Rows): void {
    const store = this.#evicting?.get(layer);
    if (!store) return;
    const start = this.#promptStart ?? 0;
    const slots = store.slotsFor(rows.position, start);
    const [first = 0] = slots;
    const together = slots.every((slot) => slot === first);
    this.#layers.writeKv(layer, rows, together ? store.rowsFrom(first) : this.#oneRow, !this.#turnsByRank);
    if (!together) {
      const headBytes = this.#rowBytes / 2 / this.#dims.kvHeads;
      for (const [head, slot] of slots.entries()) {
        for (const part of [0, 1]) {
          const at = (part * this.#dims.kvHeads + head) * headBytes;
          this.#memory.copy(this.#oneRow + at, store.rowsFrom(slot) + at, headBytes);
        }
      }
    }
    const { scoring } = this.#run;
    for (let row = 0; row < rows.count; row++) {
      const position = rows.position + row;
      if (scoring?.from === 'key') {
        store.scoreKeys(position, start, scoring.scoreOf, this.#layers.keysOf(row));
      }
      store.written(position);
    }
  }

  /** Every pass of a group starts from the hidden states that entered the group. */
  #enterPass({ group, pass, passes }: PrefillPass, hidden: Address, entering: Address, bytes: number): void {
    if (!group.iterated || passes === 1) return;
    const [from, to] = pass === 0 ? [hidden, entering] : [entering, hidden];
    this.#memory.copy(from, to, bytes);
  }

  /** One layer for the rows that the schedule asks for, in blocks. */
  async #prefillLayer(
    { layer, work, ownsKv, seesOnlyZeros }: PrefillPass['steps'][number],
    hidden: Address,
    fresh: FreshRows,
    scored: (position: number) => boolean,
    breathe: Breathe,
  ): Promise<void> {
    const rows: Rows = { hidden, position: fresh.start, rope: ropeOf(fresh.start), count: fresh.count };
    const kv = fresh.rows.get(layer) ?? 0;
    const reader = this.#options.sharing.layers[layer];
    const kvBlocks = ownsKv ? this.#blocksOf(rows, 0) : [];
    const restBlocks = work === 'kv' ? [] : this.#blocksOf(rows, work === 'last' ? rows.count - 1 : 0);
    const blocks = kvBlocks.length + restBlocks.length;
    let done = 0;
    for (const block of kvBlocks) {
      if (this.#evicting) this.#writeEvicting(layer, block);
      else this.#layers.writeKv(layer, block, kv + slotOf(fresh.slots, block.position) * this.#rowBytes);
      await breathe(++done / blocks);
    }
    for (const block of restBlocks) {
      const read = reader ? this.#evictingView(reader, scored) : null;
      const rope = read && this.#turnsByRank ? this.#rankIn(read.store, block.position) : block.rope;
      this.#layers.finish(layer, { ...block, rope }, seesOnlyZeros ? 'zeros' : fresh, read);
      await breathe(++done / blocks);
    }
  }

  #blocksOf({ hidden, position, count }: Rows, first: number): Rows[] {
    const blocks: Rows[] = [];
    for (let row = first; row < count; row += BLOCK_ROWS) {
      blocks.push({
        hidden: this.#rowOf(hidden, row),
        position: position + row,
        rope: ropeOf(position + row),
        count: Math.min(BLOCK_ROWS, count - row),
      });
    }
    return blocks;
  }

  /** Copies a turn's rows into a store: the last ones, if a ring does not hold all. */
  #keepRows({ address, slots }: Store, fresh: FreshRows, rows: Address): void {
    const end = fresh.start + fresh.count;
    for (let position = Math.max(fresh.start, end - slots.slots); position < end; position++) {
      const from = rows + slotOf(fresh.slots, position) * this.#rowBytes;
      this.#memory.copy(from, address + slotOf(slots, position) * this.#rowBytes, this.#rowBytes);
    }
  }

  /** What the layers of a group read from below, of every new position: `[rows][owner]`. */
  #rowsReadFromBelow(group: Group, fresh: FreshRows): Float32Array[][] {
    const { sharing, kvPrecision } = this.#options;
    const owners = ownersReadFromBelow(sharing, group).flatMap((owner) => fresh.rows.get(owner) ?? []);
    return Array.from({ length: fresh.count }, (_, row) =>
      owners.map((rows) => {
        const bytes = this.#memory.bytes(rows + row * this.#rowBytes, this.#rowBytes);
        return toFloat32(bytes, kvPrecision);
      }),
    );
  }

  #embed(token: number, into: Address): void {
    this.#weights.get('embed').copyRows(token, 1, into);
  }

  #rowOf(hidden: Address, row: number): Address {
    return hidden + 4 * padded(this.#dims.hiddenSize) * row;
  }

  #read(hidden: Address): Float32Array {
    return this.#memory.floats(hidden, this.#dims.hiddenSize).slice();
  }

  #free(): void {
    for (const address of this.#taken.splice(0)) this.#memory.free(address);
    this.#takenBytes = 0;
    this.#less?.free();
    this.#weights.free();
  }
}
