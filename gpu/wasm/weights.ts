import type { AllocateRequest, BatchOptions, PlanOptions, SessionOptions, TextOptions } from '../backend.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { isQuantized, keptFormat, packRows, type MatrixFormat } from '../numbers/matrix-format.ts';
import type { WeightRole, WeightSpec } from '../plan/weight-specs.ts';
import { convertKv, type KvMean } from '../cpu/convert-kv.ts';
import type { CpuWeightStore } from '../cpu/model.ts';
import { keptNumbers } from '../cpu/weights.ts';
import type { KernelCode, Kernels } from './kernels.ts';
import type { LinearMemory } from './linear-memory.ts';
import { WasmDecoders } from './batch.ts';
import { WasmDecoder } from './decoder.ts';
import { PlanWeights, type LayerTensors } from './plan-weights.ts';
import { SharedByTexts } from './shared.ts';
import { WasmTensor } from './tensor.ts';
import { Team } from './threads/team.ts';
import type { Threads } from './threads/threads.ts';

/** A model's tensors in their own memory, with the kernels that work on it. Freed with the last reference. */
export class WasmWeights implements CpuWeightStore {
  readonly #memory: LinearMemory;
  readonly #team: Team;
  readonly #kernels: Kernels;
  readonly #request: AllocateRequest;
  readonly #layers: LayerTensors[];

  /** @param code compiled for `memory` */
  constructor(memory: LinearMemory, code: KernelCode, threads: Threads, request: AllocateRequest) {
    this.#memory = memory;
    this.#team = new Team(memory, code, threads);
    this.#kernels = this.#team.kernels;
    this.#request = request;
    this.#layers = Array.from({ length: request.dims.layerCount }, () => ({}));
  }

  get bytes(): number {
    return this.#tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  }

  /** @throws BackendError `out-of-memory` */
  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array, stored: MatrixFormat): void {
    const layer = (this.#layers[spec.layer] ??= {});
    const tensor = (layer[spec.role] ??= new WasmTensor(this.#memory, this.#kernels, spec));
    const format = spec.vector ? 'f32' : keptFormat(spec, stored, this.#request);
    if (isQuantized(format)) {
      const packed = stored === format ? bytes : packRows(bytes, stored, spec.cols, format);
      tensor.putPacked(firstRow, packed, format);
    } else tensor.put(firstRow, keptNumbers(spec, bytes, stored, this.#request));
  }

  ready(): Promise<void> {
    return this.#team.ready();
  }

  open(options: SessionOptions): WasmDecoder {
    const shared = this.#share(options, [options], 1, options.capacityTokens);
    try {
      return new WasmDecoder(shared, options, null);
    } catch (error) {
      shared.close();
      throw error;
    }
  }

  openBatch(options: BatchOptions): WasmDecoders {
    return new WasmDecoders(this.#share(options, options.texts, options.places, options.turnTokens));
  }

  #share(
    options: PlanOptions,
    texts: readonly TextOptions[],
    rows: number,
    turnTokens: number,
  ): SharedByTexts {
    const { dims, storedLayers } = this.#request;
    const weights = this.#convert(storedLayers, options.sharing.layers);
    return new SharedByTexts(this.#memory, this.#team, dims, weights, options, texts, rows, turnTokens);
  }

  clear(): void {
    this.#team.close();
    for (const tensor of this.#tensors) tensor.free();
    this.#layers.length = 0;
  }

  get #tensors(): WasmTensor[] {
    return this.#layers.flatMap((layer) => Object.values(layer));
  }

  /** @throws BackendError `out-of-memory` */
  #convert(stored: readonly LayerType[], wanted: readonly LayerType[]): PlanWeights {
    const layers = this.#layers.map((layer) => ({ ...layer }));
    const means: WasmTensor[] = [];
    const plan = new PlanWeights(layers, means, this.#request.weights === 'w4a8');
    const find = (role: WeightRole, layer: number) => this.#layers[layer]?.[role];
    const values = (role: WeightRole, layer: number) => find(role, layer)?.values();
    try {
      for (const made of convertKv(stored, wanted, this.#request, values)) {
        const tensor = 'from' in made ? find(made.role, made.from) : this.#newMean(made, means);
        const layer = layers[made.owner];
        if (tensor && layer) layer[made.role] = tensor;
      }
      return plan;
    } catch (error) {
      plan.free();
      throw error;
    }
  }

  #newMean({ vector, mean }: KvMean, means: WasmTensor[]): WasmTensor {
    const cols = vector ? mean.length : this.#request.dims.hiddenSize;
    const shape = { rows: mean.length / cols, cols, vector };
    const tensor = new WasmTensor(this.#memory, this.#kernels, shape);
    means.push(tensor);
    tensor.put(0, mean);
    return tensor;
  }
}
