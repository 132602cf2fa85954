import type { SessionOptions } from '../backend.ts';
import { toFloat32 } from '../numbers/element-type.ts';
import { rowAt, ropeOf } from '../kv/rows.ts';
import { scratchSlots, slotOf } from '../kv/slots.ts';
import { KvStores } from '../kv/stores.ts';
import { kvRowBytes } from '../kv/usage.ts';
import type { Group } from '../plan/forward-plan.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import { prefillSchedule, type PrefillPass } from '../plan/prefill-schedule.ts';
import type { Breathe, Decoder, TurnOptions } from '../cpu/decoder.ts';
import { movements } from '../cpu/movements.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import { WasmLayers, type FreshRows, type Rows, type Store } from './layers.ts';
import { padded } from './tensor.ts';
import type { PlanWeights } from './plan-weights.ts';

/** Rows of a turn that go through a matrix together, so that its weights come from the CPU cache. */
const BLOCK_ROWS = 16;

/** The decoder of `reference/decoder.ts`, with its arithmetic in WebAssembly. */
export class WasmDecoder implements Decoder {
  readonly stores: KvStores;
  readonly #memory: LinearMemory;
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #options: SessionOptions;
  readonly #store: ReadonlyMap<number, Store>;
  readonly #layers: WasmLayers;
  readonly #taken: Address[] = [];
  readonly #hidden: Address;
  readonly #logits: Address;
  readonly #rowBytes: number;
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
    const { sharing, kvPrecision, capacityTokens } = options;
    this.#memory = memory;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    const take = (what: string, bytes: number) => {
      const address = memory.allocate(what, bytes);
      this.#taken.push(address);
      this.#takenBytes += bytes;
      return address;
    };
    try {
      const addresses = new Map<number, Address>();
      this.stores = new KvStores(sharing, dims, kvPrecision, capacityTokens, (owner, bytes) => {
        addresses.set(owner, take(`kv/layer-${owner}`, bytes));
        return bytes;
      });
      this.#store = new Map(
        [...addresses].map(([owner, address]) => [owner, { address, slots: this.stores.of(owner).slots }]),
      );
      this.#hidden = take('hidden', 4 * padded(dims.hiddenSize));
      this.#logits = take('logits', 4 * padded(dims.vocabSize));
      this.#layers = new WasmLayers(memory, kernels, dims, weights, options, this.#store, BLOCK_ROWS, take);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  get tokens(): number {
    return this.#tokens;
  }

  get allocatedBytes(): number {
    return this.#takenBytes + this.#weights.bytes;
  }

  step(token: number, onState?: (hidden: Float32Array) => void): Float32Array {
    const position = this.#tokens++;
    this.stores.written(this.#tokens);
    const row: Rows = { hidden: this.#hidden, position, rope: ropeOf(position), count: 1 };
    this.#embed(token, this.#hidden);
    onState?.(this.#read(this.#hidden));
    for (const { index } of this.#options.sharing.layers) {
      const own = this.#store.get(index);
      if (own) {
        this.#layers.writeKv(index, row, own.address + rowAt(own.slots, position).slot * this.#rowBytes);
      }
      this.#layers.finish(index, row, null);
      onState?.(this.#read(this.#hidden));
    }
    return this.#read(this.#hidden);
  }

  rewind(tokens: number): boolean {
    this.#tokens = tokens;
    return this.stores.rewind(tokens);
  }

  async parallel(
    tokens: readonly number[],
    { passes, everyRow, breathe, onMovement }: TurnOptions,
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
        [...this.#store.keys()].map((owner) => [
          owner,
          take(`kv/layer-${owner}`, tokens.length * this.#rowBytes),
        ]),
      );
      for (const [i, token] of tokens.entries()) this.#embed(token, this.#rowOf(hidden, i));

      const schedule = prefillSchedule(this.#options.sharing, passes, { firstTurn: start === 0, everyRow });
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
          await this.#prefillLayer(step, hidden, fresh, breatheHere);
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
      return tokens.map((_, i) => this.#read(this.#rowOf(hidden, i)));
    } finally {
      for (const address of taken) this.#memory.free(address);
    }
  }

  logits(hidden: Float32Array): Float32Array {
    const { hiddenSize, vocabSize, tiedEmbeddings } = this.#dims;
    this.#memory.floats(this.#hidden, hiddenSize).set(hidden);
    this.#layers.normAndProject(this.#hidden, tiedEmbeddings ? 'embed' : 'head', this.#logits);
    return this.#memory.floats(this.#logits, vocabSize);
  }

  close(): void {
    this.#free();
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
    breathe: Breathe,
  ): Promise<void> {
    const rows: Rows = { hidden, position: fresh.start, rope: ropeOf(fresh.start), count: fresh.count };
    const kv = fresh.rows.get(layer) ?? 0;
    const kvBlocks = ownsKv ? this.#blocksOf(rows, 0) : [];
    const restBlocks = work === 'kv' ? [] : this.#blocksOf(rows, work === 'last' ? rows.count - 1 : 0);
    const blocks = kvBlocks.length + restBlocks.length;
    let done = 0;
    for (const block of kvBlocks) {
      this.#layers.writeKv(layer, block, kv + slotOf(fresh.slots, block.position) * this.#rowBytes);
      await breathe(++done / blocks);
    }
    for (const block of restBlocks) {
      this.#layers.finish(layer, block, seesOnlyZeros ? 'zeros' : fresh);
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
    this.#weights.free();
  }
}
