import type { AllocateRequest, SessionOptions } from '../backend.ts';
import type { ElementType } from '../plan/element-type.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { WeightRole, WeightSpec } from '../plan/weight-specs.ts';
import { convertKv } from '../reference/convert-kv.ts';
import type { CpuWeightStore } from '../reference/cpu-model.ts';
import { keptNumbers, keyOf } from '../reference/cpu-weights.ts';
import { startKernels, type KernelCode, type Kernels } from './kernels.ts';
import { LinearMemory } from './linear-memory.ts';
import { WasmDecoder } from './wasm-decoder.ts';
import { WasmTensor } from './wasm-tensor.ts';

/** A model's tensors in a memory of its own, with the kernels that work there. All goes with the last reference. */
export class WasmWeights implements CpuWeightStore {
  readonly #memory = new LinearMemory();
  readonly #kernels: Kernels;
  readonly #request: AllocateRequest;
  readonly #tensors = new Map<string, WasmTensor>();

  constructor(code: KernelCode, request: AllocateRequest) {
    this.#kernels = startKernels(code, this.#memory.memory);
    this.#request = request;
  }

  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
  }

  /** @throws BackendError `out-of-memory` */
  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array, type: ElementType): void {
    const key = keyOf(spec.role, spec.layer);
    let tensor = this.#tensors.get(key);
    if (!tensor) this.#tensors.set(key, (tensor = new WasmTensor(this.#memory, this.#kernels, spec)));
    tensor.put(firstRow, keptNumbers(spec, bytes, type, this.#request));
  }

  open(options: SessionOptions): WasmDecoder {
    const { dims, storedLayers } = this.#request;
    const weights = this.#convert(storedLayers, options.sharing.layers);
    try {
      return new WasmDecoder(this.#memory, this.#kernels, dims, weights, options);
    } catch (error) {
      weights.free();
      throw error;
    }
  }

  clear(): void {
    for (const tensor of this.#tensors.values()) tensor.free();
    this.#tensors.clear();
  }

  #convert(stored: readonly LayerType[], wanted: readonly LayerType[]): PlanWeights {
    const tensors = new Map(this.#tensors);
    const means: WasmTensor[] = [];
    const find = (role: WeightRole, layer: number) => this.#tensors.get(keyOf(role, layer));
    const values = (role: WeightRole, layer: number) => find(role, layer)?.values();
    for (const made of convertKv(stored, wanted, this.#request, values)) {
      const { role, owner, vector } = made;
      const key = keyOf(role, owner);
      if ('from' in made) {
        const tensor = find(role, made.from);
        if (tensor) tensors.set(key, tensor);
        continue;
      }
      const cols = vector ? made.mean.length : this.#request.dims.hiddenSize;
      const tensor = new WasmTensor(this.#memory, this.#kernels, {
        rows: made.mean.length / cols,
        cols,
        vector,
      });
      tensor.put(0, made.mean);
      means.push(tensor);
      tensors.set(key, tensor);
    }
    return new PlanWeights(tensors, means);
  }
}

/** The tensors of one plan: the model's own, but for the means that the plan wants. */
export class PlanWeights {
  readonly #tensors: ReadonlyMap<string, WasmTensor>;
  readonly #means: readonly WasmTensor[];

  constructor(tensors: ReadonlyMap<string, WasmTensor>, means: readonly WasmTensor[]) {
    this.#tensors = tensors;
    this.#means = means;
  }

  /** Bytes of the means. */
  get bytes(): number {
    return this.#means.reduce((sum, tensor) => sum + tensor.bytes, 0);
  }

  get(role: WeightRole, layer = 0): WasmTensor {
    const tensor = this.#tensors.get(keyOf(role, layer));
    if (!tensor) throw new Error(`the weight ${keyOf(role, layer)} was never put`);
    return tensor;
  }

  find(role: WeightRole, layer: number): WasmTensor | undefined {
    return this.#tensors.get(keyOf(role, layer));
  }

  free(): void {
    for (const tensor of this.#means) tensor.free();
  }
}
