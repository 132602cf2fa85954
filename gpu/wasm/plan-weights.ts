import type { WeightRole } from '../plan/weight-specs.ts';
import type { WasmTensor } from './tensor.ts';

/** The tensors of a layer, by role, because each token looks up a hundred. Those of no layer are in the first. */
export type LayerTensors = Partial<Record<WeightRole, WasmTensor>>;

/** The tensors of one plan: the model's own, and the means that the plan needs. */
export class PlanWeights {
  readonly #layers: readonly LayerTensors[];
  readonly #means: readonly WasmTensor[];
  /** Whether products with 4-bit matrices round their input to 8 bits. */
  readonly eightBits: boolean;

  constructor(layers: readonly LayerTensors[], means: readonly WasmTensor[], eightBits: boolean) {
    this.#layers = layers;
    this.#means = means;
    this.eightBits = eightBits;
  }

  /** Bytes of the means. */
  get bytes(): number {
    return this.#means.reduce((sum, tensor) => sum + tensor.bytes, 0);
  }

  get(role: WeightRole, layer = 0): WasmTensor {
    const tensor = this.find(role, layer);
    if (!tensor) throw new Error(`the weight ${role} of layer ${layer} was never put`);
    return tensor;
  }

  find(role: WeightRole, layer: number): WasmTensor | undefined {
    return this.#layers[layer]?.[role];
  }

  free(): void {
    for (const tensor of this.#means) tensor.free();
  }
}
