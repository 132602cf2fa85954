import type { LessKernels, Phi } from '../kv/policies/less-kernels.ts';
import type { EvictedState } from '../kv/store-rows.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { Address, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import { padded } from '../numbers/panels.ts';
import { WasmTensor } from './tensor.ts';

export interface LessShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly half: boolean;
}

type Take = (what: string, bytes: number) => Address;

/** The kernels of LESS and the states of a session, in the memory of WebAssembly. */
export class WasmLess {
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #shape: LessShape;
  readonly #trained: LessKernels;
  readonly #phi = new Map<number, Features>();
  readonly #psi = new Map<number, Features>();
  readonly #states = new Map<number, WasmState>();
  readonly #widened: Address;
  readonly #scratch: FeatureScratch;

  /**
   * @param widened room for a head in float32
   * @throws BackendError `out-of-memory`
   */
  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    shape: LessShape,
    trained: LessKernels,
    widened: Address,
    take: Take,
  ) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#shape = shape;
    this.#trained = trained;
    this.#widened = widened;
    const { hidden, rank } = trained;
    this.#scratch = {
      wide: take('less/hidden', 4 * padded(hidden)),
      narrow: take('less/features', 4 * padded(rank)),
      last: take('less/mixed features', 4 * padded(rank)),
    };
    try {
      for (const [reader, phi] of trained.phi) this.#phi.set(reader, this.#put(phi, null, shape.heads));
      for (const [owner, psi] of trained.psi) this.#psi.set(owner, this.#put(psi, psi.w3, shape.kvHeads));
    } catch (error) {
      this.free();
      throw error;
    }
  }

  /** Bytes of the kernels. */
  get bytes(): number {
    return [...this.#phi.values(), ...this.#psi.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The empty state of a store; null if the store has none, because every reader has a window. */
  newState(owner: number, take: Take): WasmState | null {
    const psi = this.#psi.get(owner);
    if (!psi) return null;
    const { rank } = this.#trained;
    const state = new WasmState(this.#memory, this.#kernels, this.#shape, psi, rank, this.#widened, {
      features: take(`kv/layer-${owner}/state`, 4 * rank * this.#shape.kvHeads),
      values: take(`kv/layer-${owner}/state`, 4 * rank * this.#shape.headDim * this.#shape.kvHeads),
    });
    this.#states.set(owner, state);
    return state;
  }

  /** How a reader recalls what left the store that it reads; null for a reader with a window, which does without. */
  recallOf({ index, readsFrom, windowed }: LayerType): Recall | null {
    const [state, phi] = [this.#states.get(readsFrom), this.#phi.get(index)];
    if (windowed || !state || !phi) return null;
    return (q, sums, output) => {
      state.recall(phi, this.#shape.heads, q, sums, output);
    };
  }

  free(): void {
    for (const features of [...this.#phi.values(), ...this.#psi.values()]) features.free();
  }

  #put({ w1, w2 }: Phi, w3: Float32Array | null, heads: number): Features {
    const { hidden, rank } = this.#trained;
    const { headDim } = this.#shape;
    const parts = [
      { w: w1, rows: headDim, cols: hidden },
      { w: w2, rows: hidden, cols: rank },
      ...(w3 ? [{ w: w3, rows: rank, cols: rank }] : []),
    ];
    return new Features(this.#memory, this.#kernels, this.#scratch, heads, parts);
  }
}

/**
 * Mixes what a query recalls into the output of its attention, `[heads, headDim]`.
 *
 * @param sums for each head the maximum of its scores and Σ exp(score − maximum); afterwards which fractions of its output
 *   the rows and the state make
 */
export type Recall = (q: Address, sums: Address, output: Address) => void;

interface FeatureScratch {
  readonly wide: Address; //   [hidden]
  readonly narrow: Address; // [rank]
  readonly last: Address; //   [rank]
}

/** φ or ψ of a layer: a kernel for each head. */
class Features {
  readonly #kernels: Kernels;
  readonly #scratch: FeatureScratch;
  /** `[head][part]`, each `[outputs, inputs]`: the transpose of the file's. */
  readonly #heads: readonly (readonly WasmTensor[])[];

  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    scratch: FeatureScratch,
    heads: number,
    parts: readonly { readonly w: Float32Array; readonly rows: number; readonly cols: number }[],
  ) {
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.#heads = Array.from({ length: heads }, (_, head) =>
      parts.map(({ w, rows, cols }) => {
        const tensor = new WasmTensor(memory, kernels, { rows: cols, cols: rows, vector: false });
        tensor.put(0, transposed(w.subarray(head * rows * cols, (head + 1) * rows * cols), cols));
        return tensor;
      }),
    );
  }

  get bytes(): number {
    return this.#heads.flat().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The features of a head's vector; valid until the next call. */
  of(head: number, x: Address): Address {
    const { wide, narrow, last } = this.#scratch;
    const [w1, w2, w3] = this.#heads[head] ?? [];
    if (!w1 || !w2) throw new RangeError(`there is no head ${head}`);
    this.#project(w1, x, wide);
    this.#kernels.gelu(wide, 4 * padded(w1.rows));
    this.#project(w2, wide, narrow);
    this.#kernels.gelu(narrow, 4 * padded(w2.rows));
    if (w3) this.#project(w3, narrow, last);
    const features = w3 ? last : narrow;
    this.#kernels.absolute(features, 4 * padded(w2.rows));
    return features;
  }

  #project({ format, address, cols, panels }: WasmTensor, x: Address, y: Address): void {
    this.#kernels.project(format === 'f16', address, cols, panels, 0, x, 0, y, 0, 1, false, 0, 0, false);
  }

  free(): void {
    for (const tensor of this.#heads.flat()) tensor.free();
  }
}

/** `[rows, cols]` → `[cols, rows]` */
function transposed(w: Float32Array, cols: number): Float32Array {
  const rows = w.length / cols;
  return Float32Array.from({ length: w.length }, (_, i) => w[(i % rows) * cols + Math.floor(i / rows)] ?? 0);
}

/** A state that weighs less is none: float32 could not divide by it. */
const LEAST_WEIGHT = 1e-37;

/** What LESS keeps of the rows that left one store: sums of features, and of values for each feature. */
export class WasmState {
  readonly #memory: LinearMemory;
  readonly #kernels: Kernels;
  readonly #shape: LessShape;
  readonly #psi: Features;
  readonly #rank: number;
  readonly #widened: Address;
  readonly #sums: {
    readonly features: Address; // [kvHeads, rank]
    readonly values: Address; //   [kvHeads, rank, headDim]
  };

  constructor(
    memory: LinearMemory,
    kernels: Kernels,
    shape: LessShape,
    psi: Features,
    rank: number,
    widened: Address,
    sums: { readonly features: Address; readonly values: Address },
  ) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#shape = shape;
    this.#psi = psi;
    this.#rank = rank;
    this.#widened = widened;
    this.#sums = sums;
  }

  /** Takes in a row of a KV head that a cut lets go: a key and a value as they are cached. */
  absorb(kvHead: number, key: Address, value: Address): void {
    const { half, headDim } = this.#shape;
    const wide = half ? this.#kernels.widen(key, headDim, this.#widened) : key;
    const features = this.#psi.of(kvHead, wide);
    const { features: sums, values } = this.#of(kvHead);
    this.#kernels.absorb(half, features, this.#rank, value, headDim, sums, values, this.#widened);
  }

  /** See {@link Recall}. */
  recall(
    phi: { of(head: number, x: Address): Address },
    heads: number,
    q: Address,
    sums: Address,
    output: Address,
  ): void {
    const { kvHeads, headDim } = this.#shape;
    for (let head = 0; head < heads; head++) {
      const own = this.#of(Math.floor((head * kvHeads) / heads));
      const at = 4 * headDim * head;
      const features = phi.of(head, q + at);
      const [ofQuery, ofRows] = [this.#floats(features), this.#floats(own.features)];
      const weight = ofQuery.reduce((sum, feature, r) => sum + feature * (ofRows[r] ?? 0), 0);
      const ofHead = this.#memory.floats(sums + 8 * head, 2);
      const [most = -Infinity, sum = 0] = ofHead;
      ofHead[0] = 1;
      ofHead[1] = 0;
      if (weight < LEAST_WEIGHT) continue;
      const [rows, state] = [most + Math.log(sum), Math.log(weight)];
      const shift = Math.max(rows, state);
      const [rowsWeight, stateWeight] = [Math.exp(rows - shift), Math.exp(state - shift)];
      const whole = rowsWeight + stateWeight;
      ofHead[0] = rowsWeight / whole;
      ofHead[1] = stateWeight / whole;
      this.#kernels.mixState(
        output + at,
        headDim,
        rowsWeight / whole,
        stateWeight / weight / whole,
        features,
        this.#rank,
        own.values,
      );
    }
  }

  report(kvHead: number): EvictedState {
    const { features, values } = this.#of(kvHead);
    return {
      features: this.#floats(features).slice(),
      values: this.#memory.floats(values, this.#rank * this.#shape.headDim).slice(),
    };
  }

  #of(kvHead: number): { readonly features: Address; readonly values: Address } {
    return {
      features: this.#sums.features + 4 * this.#rank * kvHead,
      values: this.#sums.values + 4 * this.#rank * this.#shape.headDim * kvHead,
    };
  }

  #floats(features: Address): Float32Array {
    return this.#memory.floats(features, this.#rank);
  }
}
