import type { PlanOptions, TextOptions } from '../backend.ts';
import { toFloat32 } from '../numbers/element-type.ts';
import type { PolicyRun } from '../kv/policies/policy-run.ts';
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
import type { Address } from './kernels.ts';
import { WasmLess } from './less.ts';
import type { LinearMemory } from './linear-memory.ts';
import type { Evicting, FreshRows, KvTarget, Query, Store, WasmLayers } from './layers.ts';
import { BLOCK_ROWS, policyRunOf, type SharedByTexts } from './shared.ts';
import { stepTogether, type SteppingText } from './step.ts';
import { padded } from './tensor.ts';

/** The batch of a text. */
export interface TextsTogether {
  /** A text has freed what is its own. */
  closed(text: WasmDecoder): void;
}

/** The decoder of `reference/decoder.ts`, with its arithmetic in WebAssembly. */
export class WasmDecoder implements Decoder, SteppingText {
  readonly stores: KvStores;
  readonly #shared: SharedByTexts;
  readonly #memory: LinearMemory;
  readonly #dims: ModelDims;
  readonly #options: PlanOptions;
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
    this.#options = options;
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

  step(token: number, onState?: (hidden: Float32Array) => void): Float32Array {
    const [hidden = new Float32Array()] = stepTogether(this.#shared, [{ text: this, token }], onState);
    return hidden;
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
      for (const [i, token] of tokens.entries()) this.#shared.embed(token, this.#shared.rowOf(hidden, i));
      const allRows = () => tokens.map((_, i) => this.#shared.read(this.#shared.rowOf(hidden, i)));
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
    const kv = fresh.rows.get(layer) ?? 0;
    const reader = this.#options.sharing.layers[layer];
    const kvBlocks = ownsKv ? blocksOf(fresh, 0) : [];
    const restBlocks = work === 'kv' ? [] : blocksOf(fresh, work === 'last' ? fresh.count - 1 : 0);
    const blocks = kvBlocks.length + restBlocks.length;
    let done = 0;
    for (const { row, positions } of kvBlocks) {
      const [first = 0] = positions;
      const into = this.#evicting
        ? this.#rowsToWrite(layer, first)
        : kv + slotOf(fresh.slots, first) * this.#rowBytes;
      const targets = positions.map((position, i) => ({
        into: into + i * this.#rowBytes,
        rope: this.#evicting && this.#turnsByRank ? null : ropeOf(position),
      }));
      const rows = { hidden: this.#shared.rowOf(hidden, row), count: positions.length };
      this.#layers.writeKv(layer, rows, targets);
      for (const [i, position] of positions.entries()) this.#noteWritten(layer, position, i);
      await breathe(++done / blocks);
    }
    for (const { row, positions } of restBlocks) {
      const evicting = reader ? this.#evictingView(reader, scored) : null;
      const queries = positions.map((position) => {
        const rope =
          evicting && this.#turnsByRank ? this.#rankIn(evicting.store, position) : ropeOf(position);
        return { position, rope, stores: this.#store, fresh, evicting };
      });
      const rows = { hidden: this.#shared.rowOf(hidden, row), count: positions.length };
      this.#layers.finish(layer, rows, seesOnlyZeros ? 'zeros' : queries);
      await breathe(++done / blocks);
    }
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

  #free(): void {
    for (const address of this.#taken.splice(0)) this.#memory.free(address);
    this.#takenBytes = 0;
    this.#less?.free();
  }
}

/** The positions of a turn from a row on, in blocks. */
function blocksOf({ start, count }: FreshRows, first: number) {
  const blocks: { readonly row: number; readonly positions: readonly number[] }[] = [];
  for (let row = first; row < count; row += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, count - row);
    blocks.push({ row, positions: Array.from({ length: rows }, (_, i) => start + row + i) });
  }
  return blocks;
}
