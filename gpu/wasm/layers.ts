import type { SessionOptions } from '../backend.ts';
import { maskOf, visibleKeys } from '../kv/mask.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { slotRuns, type SlotLayout } from '../kv/slots.ts';
import { kvRowBytes } from '../kv/usage.ts';
import { ropeTable } from '../plan/rope.ts';
import type { WeightRole } from '../plan/weight-specs.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import { padded } from './tensor.ts';
import type { PlanWeights } from './plan-weights.ts';

/** Hidden states of neighboring positions, `[count, hiddenSize]`, padded. Their angles are neighbors too. */
export interface Rows {
  readonly hidden: Address;
  readonly position: number;
  readonly rope: number;
  readonly count: number;
}

/** The memory of a store: keys and values by slot. */
export interface Store {
  readonly address: Address;
  readonly slots: SlotLayout;
}

/** Keys and values of a turn that are not in the stores yet, by owner; the first row is the position `start`. */
export interface FreshRows {
  readonly start: number;
  readonly count: number;
  readonly slots: SlotLayout;
  readonly rows: ReadonlyMap<number, Address>;
}

/** Keys and values side by side. */
interface Run {
  readonly address: Address;
  readonly rows: number;
}

/** The layers of one plan over blocks of rows, with the scratch that they work in. */
export class WasmLayers {
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #dims: ModelDims;
  readonly #weights: PlanWeights;
  readonly #options: SessionOptions;
  readonly #stores: ReadonlyMap<number, Store>;
  readonly #rope: Address;
  readonly #scoreStride: number;
  readonly #rowBytes: number;
  // Scratch of a block, rows padded.
  readonly #normed: Address; //   [block, hiddenSize]
  readonly #q: Address; //        [block, heads, headDim]
  readonly #attended: Address; // [block, heads, headDim]
  readonly #keys: Address; //     [block, kvHeads, headDim]
  readonly #values: Address; //   [block, kvHeads, headDim]
  readonly #gate: Address; //     [block, intermediateSize]
  readonly #up: Address; //       [block, intermediateSize]
  readonly #scores: Address; //   [heads, capacity]
  readonly #widened: Address; //  [headDim]

  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    dims: ModelDims,
    weights: PlanWeights,
    options: SessionOptions,
    stores: ReadonlyMap<number, Store>,
    blockRows: number,
    take: (what: string, bytes: number) => Address,
  ) {
    const { capacityTokens, kvPrecision } = options;
    this.#memory = memory;
    this.#kernels = kernels;
    this.#dims = dims;
    this.#weights = weights;
    this.#options = options;
    this.#stores = stores;
    this.#rowBytes = kvRowBytes(dims, kvPrecision);
    this.#scoreStride = 4 * padded(capacityTokens);

    const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = dims;
    const block = (what: string, numbers: number) => take(what, 4 * padded(numbers) * blockRows);
    this.#normed = block('normed', hiddenSize);
    this.#q = block('q', heads * headDim);
    this.#attended = block('attended', heads * headDim);
    this.#keys = block('keys', kvHeads * headDim);
    this.#values = block('values', kvHeads * headDim);
    this.#gate = block('gate', intermediateSize);
    this.#up = block('up', intermediateSize);
    this.#scores = take('scores', heads * this.#scoreStride);
    this.#widened = take('widened', 4 * padded(headDim));
    const table = ropeTable(dims.rope, headDim, capacityTokens);
    this.#rope = take('rope', table.byteLength);
    memory.floats(this.#rope, table.length).set(table);
  }

  /** Writes the keys and values that a layer computes from its input rows to `into`, one after the other. */
  writeKv(layer: number, rows: Rows, into: Address): void {
    const { kvHeads, headDim } = this.#dims;
    const size = kvHeads * headDim;
    this.#norm('attentionNorm', layer, rows);
    this.#project('k', 'kBias', layer, this.#normed, this.#keys, rows.count);
    this.#project('v', 'vBias', layer, this.#normed, this.#values, rows.count);
    this.#normAndRotate('kNorm', layer, this.#keys, kvHeads, rows);
    for (let row = 0; row < rows.count; row++) {
      const at = into + row * this.#rowBytes;
      this.#store(this.#keys + 4 * padded(size) * row, at, size);
      this.#store(this.#values + 4 * padded(size) * row, at + this.#rowBytes / 2, size);
    }
  }

  /**
   * Attention and MLP of a layer, onto its rows.
   *
   * @param fresh KV that is not cached yet; `zeros` if everything that the layer sees is zero
   */
  finish(layer: number, rows: Rows, fresh: FreshRows | 'zeros' | null): void {
    const { heads, headDim, intermediateSize } = this.#dims;
    const { count } = rows;
    const type = this.#layer(layer);
    const rowBytes = 4 * padded(heads * headDim);
    this.#memory.clear(this.#attended, rowBytes * count);
    if (fresh !== 'zeros') {
      this.#norm('attentionNorm', layer, rows);
      this.#project('q', 'qBias', layer, this.#normed, this.#q, count);
      this.#normAndRotate('qNorm', layer, this.#q, heads, rows);
      for (let row = 0; row < count; row++) {
        const runs = this.#visibleRuns(type, rows.position + row, fresh);
        this.#attend(this.#q + rowBytes * row, runs, this.#attended + rowBytes * row);
      }
    }
    // Attention over zeros adds nothing but the output's bias.
    if (fresh !== 'zeros' || this.#dims.outputBias) {
      this.#project('o', 'oBias', layer, this.#attended, rows.hidden, count, true);
    }

    this.#norm('mlpNorm', layer, rows);
    this.#project('gate', 'gateBias', layer, this.#normed, this.#gate, count);
    this.#project('up', 'upBias', layer, this.#normed, this.#up, count);
    this.#kernels.swiglu(this.#gate, this.#up, 4 * padded(intermediateSize) * count);
    this.#project('down', 'downBias', layer, this.#gate, rows.hidden, count, true);
  }

  /** The final norm of one hidden state, and its projection. */
  normAndProject(hidden: Address, role: WeightRole, into: Address): void {
    this.#norm('finalNorm', 0, { hidden, position: 0, rope: 0, count: 1 });
    this.#project(role, null, 0, this.#normed, into, 1);
  }

  /** One query row over the keys that it sees; `into` is zero before, and stays so if the row sees no key. */
  #attend(q: Address, runs: readonly Run[], into: Address): void {
    const { heads, kvHeads, headDim } = this.#dims;
    const half = this.#options.kvPrecision === 'f16';
    const [stride, kernels] = [this.#scoreStride, this.#kernels];
    let keys = 0;
    for (const { address, rows } of runs) {
      const scores = this.#scores + 4 * keys;
      kernels.scoreKeys(half, q, heads, kvHeads, headDim, address, rows, scores, stride, this.#widened);
      keys += rows;
    }
    if (keys === 0) return;
    kernels.soften(this.#scores, stride, heads, keys);
    keys = 0;
    for (const { address, rows } of runs) {
      const weights = this.#scores + 4 * keys;
      kernels.mixValues(half, weights, stride, heads, kvHeads, headDim, address, rows, into, this.#widened);
      keys += rows;
    }
  }

  /** Where the keys and values that a query sees lie: at most the two ends of a ring, and the turn's. */
  #visibleRuns(layer: LayerType, position: number, fresh: FreshRows | null): readonly Run[] {
    const { from, to } = visibleKeys(position, maskOf(this.#options.sharing, layer));
    const owner = layer.readsFrom;
    const store = this.#stores.get(owner);
    if (!store) throw new Error(`layer ${owner} owns no KV`);
    const runsIn = (address: Address, slots: SlotLayout, first: number, end: number) =>
      slotRuns(slots, first, end).map(({ slot, rows }): Run => ({
        address: address + slot * this.#rowBytes,
        rows,
      }));
    if (!fresh) return runsIn(store.address, store.slots, from, to);
    return [
      ...runsIn(store.address, store.slots, from, Math.min(to, fresh.start)),
      ...runsIn(fresh.rows.get(owner) ?? 0, fresh.slots, Math.max(from, fresh.start), to),
    ];
  }

  #norm(role: WeightRole, layer: number, { hidden, count }: Rows): void {
    const { hiddenSize, rmsNormEps } = this.#dims;
    const stride = 4 * padded(hiddenSize);
    const gain = this.#weights.get(role, layer).address;
    this.#kernels.rmsNorm(hidden, stride, gain, hiddenSize, rmsNormEps, this.#normed, stride, count);
  }

  #normAndRotate(role: WeightRole, layer: number, x: Address, heads: number, { rope, count }: Rows): void {
    const { headDim, rmsNormEps } = this.#dims;
    const gain = this.#weights.find(role, layer);
    for (let row = 0; row < count; row++) {
      const at = x + 4 * padded(heads * headDim) * row;
      if (gain) this.#kernels.normHeads(at, gain.address, heads, headDim, rmsNormEps);
      this.#kernels.rotate(at, this.#rope + 4 * headDim * (rope + row), heads, headDim);
    }
  }

  #project(
    role: WeightRole,
    bias: WeightRole | null,
    layer: number,
    x: Address,
    y: Address,
    count: number,
    onto = false,
  ): void {
    const { half, address, rows, cols, panels } = this.#weights.get(role, layer);
    const biasAt = bias === null ? 0 : (this.#weights.find(bias, layer)?.address ?? 0);
    const [xStride, yStride] = [4 * padded(cols), 4 * padded(rows)];
    this.#kernels.project(half, address, cols, panels, biasAt, x, xStride, y, yStride, count, onto);
  }

  #store(x: Address, into: Address, numbers: number): void {
    if (this.#options.kvPrecision === 'f16') this.#kernels.storeHalves(x, into, numbers);
    else this.#memory.copy(x, into, 4 * numbers);
  }

  #layer(layer: number): LayerType {
    const type = this.#options.sharing.layers[layer];
    if (!type) throw new RangeError(`layer ${layer} of ${this.#options.sharing.layers.length}`);
    return type;
  }
}
