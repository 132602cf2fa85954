import { maskOf } from '../kv/mask.ts';
import { groupsOf, passesOf, type Group } from '../plan/forward-plan.ts';
import { rowAt, type Row } from '../kv/rows.ts';
import { scratchSlots, slotOf } from '../kv/slots.ts';
import { KvStores } from '../kv/stores.ts';
import { kvRowBytes, type KvPrecision } from '../kv/usage.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { ownersReadFromBelow } from '../plan/movement.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { ropeTable } from '../plan/rope.ts';
import type { Sharing } from '../plan/sharing.ts';
import { attend, type ReadKv } from './attention.ts';
import type { CpuWeights } from '../cpu/weights.ts';
import type { Decoder, TurnOptions } from '../cpu/decoder.ts';
import { KvRows } from './kv-rows.ts';
import { addTo, headsOf, project, rmsNorm, rotate, swiglu } from './math.ts';
import { movements } from '../cpu/movements.ts';

/** The oracle: what docs/semantics.md defines, in plain TypeScript, as directly as it can be written. */
export class CpuDecoder implements Decoder {
  readonly stores: KvStores;
  readonly #dims: ModelDims;
  readonly #weights: CpuWeights;
  readonly #sharing: Sharing;
  readonly #precision: KvPrecision;
  readonly #rows: ReadonlyMap<number, KvRows>;
  readonly #rope: Float32Array;
  #tokens = 0;

  constructor(
    dims: ModelDims,
    weights: CpuWeights,
    sharing: Sharing,
    kvPrecision: KvPrecision,
    capacityTokens: number,
  ) {
    this.#dims = dims;
    this.#weights = weights;
    this.#sharing = sharing;
    this.#precision = kvPrecision;
    this.#rope = ropeTable(dims.rope, dims.headDim, capacityTokens);
    const rows = new Map<number, KvRows>();
    this.stores = new KvStores(sharing, dims, kvPrecision, capacityTokens, (owner, bytes) => {
      const store = this.#newRows(bytes / kvRowBytes(dims, kvPrecision));
      rows.set(owner, store);
      return store.bytes;
    });
    this.#rows = rows;
  }

  rewind(tokens: number): boolean {
    this.#tokens = tokens;
    return this.stores.rewind(tokens);
  }

  get tokens(): number {
    return this.#tokens;
  }

  get allocatedBytes(): number {
    return this.stores.bytesAllocated;
  }

  close(): void {
    // All memory is JavaScript's own.
  }

  step(token: number, onState?: (hidden: Float32Array) => void): Float32Array {
    const position = this.#tokens++;
    this.stores.written(this.#tokens);
    const hidden = this.#embed(token);
    onState?.(hidden);
    for (const layer of this.#sharing.layers) {
      const normed = this.#attentionInput(layer.index, hidden);
      const own = this.#rows.get(layer.index);
      if (own) {
        const row = this.#rowOf(layer.index, position);
        own.write(row.slot, this.#keysAndValues(layer.index, normed, row));
      }
      this.#finishLayer(
        layer,
        hidden,
        normed,
        this.#rowOf(layer.readsFrom, position),
        this.#cached(layer.readsFrom),
      );
      onState?.(hidden);
    }
    return hidden;
  }

  async parallel(
    tokens: readonly number[],
    { passes, breathe, onMovement }: TurnOptions,
  ): Promise<Float32Array[]> {
    const start = this.#tokens;
    let hidden = tokens.map((token) => this.#embed(token));

    // The new positions' KV: zero until a layer computes it, and then that of the newest pass.
    const scratch = scratchSlots(tokens.length, start);
    const turn = new Map([...this.#rows.keys()].map((owner) => [owner, this.#newRows(tokens.length)]));
    const turnRows = tokens.map((_, i) => rowAt(scratch, start + i));
    const readerOf = (owner: number): ReadKv => {
      const cached = this.#cached(owner);
      const fresh = turn.get(owner);
      return (position, part, into) => {
        if (position < start) cached(position, part, into);
        else fresh?.read(slotOf(scratch, position), into, part * into.length);
      };
    };

    const groups = groupsOf(this.#sharing.layers);
    const work = groups.reduce((sum, g) => sum + (g.stop - g.start) * passesOf(g, passes), 0);
    let done = 0;
    for (const group of groups) {
      let output = hidden;
      const relative: number[] = [];
      for (let pass = 0; pass < passesOf(group, passes); pass++) {
        output = hidden.map((row) => row.slice());
        const before = onMovement && group.iterated ? this.#rowsReadFromBelow(group, turn) : null;
        for (const layer of this.#sharing.layers.slice(group.start, group.stop)) {
          const normed = output.map((hiddenRow) => this.#attentionInput(layer.index, hiddenRow));
          const own = turn.get(layer.index);
          const read = readerOf(layer.readsFrom);
          if (own) {
            for (const [i, row] of turnRows.entries()) {
              own.write(row.slot, this.#keysAndValues(layer.index, normed[i] as Float32Array, row));
            }
          }
          for (const [i, row] of turnRows.entries()) {
            this.#finishLayer(layer, output[i] as Float32Array, normed[i] as Float32Array, row, read);
            await breathe((done + (i + 1) / output.length) / work);
          }
          done++;
        }
        if (before) relative.push(...movements(before, this.#rowsReadFromBelow(group, turn)));
      }
      if (group.iterated) {
        onMovement?.({ group, passes: passesOf(group, passes), relative: Float32Array.from(relative) });
      }
      hidden = output;
    }

    const keysAndValues = new Float32Array(this.#rowSize);
    for (const [owner, fresh] of turn) {
      for (const { position, slot } of turnRows) {
        fresh.read(slot, keysAndValues);
        this.#rows.get(owner)?.write(this.#rowOf(owner, position).slot, keysAndValues);
      }
    }
    this.#tokens += tokens.length;
    this.stores.written(this.#tokens);
    return hidden;
  }

  logits(hidden: Float32Array): Float32Array {
    const normed = rmsNorm(hidden, this.#weights.get('finalNorm'), this.#dims.rmsNormEps);
    return project(this.#weights.get(this.#dims.tiedEmbeddings ? 'embed' : 'head'), normed);
  }

  // One layer ---------------------------------------------------------------------------------------------------

  #embed(token: number): Float32Array {
    const { hiddenSize } = this.#dims;
    return this.#weights.get('embed').slice(token * hiddenSize, (token + 1) * hiddenSize);
  }

  #attentionInput(layer: number, hidden: Float32Array): Float32Array {
    return rmsNorm(hidden, this.#weights.get('attentionNorm', layer), this.#dims.rmsNormEps);
  }

  /** `[(keys, values), kvHeads, headDim]`, keys rotated. */
  #keysAndValues(layer: number, normed: Float32Array, { rope }: Row): Float32Array {
    const w = this.#weights;
    const keys = project(w.get('k', layer), normed, w.find('kBias', layer));
    this.#normAndRotate(keys, w.find('kNorm', layer), rope);
    const row = new Float32Array(this.#rowSize);
    row.set(keys);
    row.set(project(w.get('v', layer), normed, w.find('vBias', layer)), keys.length);
    return row;
  }

  /** Attention and MLP, onto `hidden`. */
  #finishLayer(
    type: LayerType,
    hidden: Float32Array,
    normed: Float32Array,
    { position, rope }: Row,
    read: ReadKv,
  ): void {
    const w = this.#weights;
    const layer = type.index;
    const q = project(w.get('q', layer), normed, w.find('qBias', layer));
    this.#normAndRotate(q, w.find('qNorm', layer), rope);
    const attended = attend(q, position, maskOf(this.#sharing, type), this.#dims, read);
    addTo(hidden, project(w.get('o', layer), attended, w.find('oBias', layer)));

    const input = rmsNorm(hidden, w.get('mlpNorm', layer), this.#dims.rmsNormEps);
    const gate = project(w.get('gate', layer), input, w.find('gateBias', layer));
    const up = project(w.get('up', layer), input, w.find('upBias', layer));
    addTo(hidden, project(w.get('down', layer), swiglu(gate, up), w.find('downBias', layer)));
  }

  #normAndRotate(row: Float32Array, gain: Float32Array | undefined, rope: number): void {
    const { headDim, rmsNormEps } = this.#dims;
    const table = this.#rope.subarray(rope * headDim, (rope + 1) * headDim);
    for (const head of headsOf(row, headDim)) {
      if (gain) head.set(rmsNorm(head, gain, rmsNormEps));
      rotate(head, table);
    }
  }

  // The stores --------------------------------------------------------------------------------------------------

  #cached(owner: number): ReadKv {
    const rows = this.#rows.get(owner);
    const { slots } = this.stores.of(owner);
    return (position, part, into) => rows?.read(slotOf(slots, position), into, part * into.length);
  }

  /** The row of a position in an owner's store. */
  #rowOf(owner: number, position: number): Row {
    return rowAt(this.stores.of(owner).slots, position);
  }

  /** What the layers of a group read from below, of every new position: `[rows][owner]`. */
  #rowsReadFromBelow(group: Group, turn: ReadonlyMap<number, KvRows>): Float32Array[][] {
    const owners = ownersReadFromBelow(this.#sharing, group).flatMap((owner) => turn.get(owner) ?? []);
    return Array.from({ length: owners[0]?.rows ?? 0 }, (_, slot) =>
      owners.map((rows) => {
        const row = new Float32Array(this.#rowSize);
        rows.read(slot, row);
        return row;
      }),
    );
  }

  #newRows(rows: number): KvRows {
    return new KvRows(rows, this.#rowSize, this.#precision);
  }

  get #rowSize(): number {
    return kvRowBytes(this.#dims, 'f32') / 4;
  }
}
