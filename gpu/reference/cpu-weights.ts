import { isCopy, kvRoles, kvSources, meanOf } from '../plan/conversion.ts';
import { toFloat32, type ElementType } from '../plan/element-type.ts';
import type { LayerType } from '../plan/layer-types.ts';
import { keptFormat, keptRows, roundToF16, type WeightFormats } from '../plan/matrix-format.ts';
import type { WeightRole, WeightSpec } from '../plan/weight-specs.ts';

/** A model's tensors as float32, found by role and layer: just the numbers that the GPU's packed rows hold. */
export class CpuWeights {
  readonly #tensors = new Map<string, Float32Array>();
  readonly #formats: WeightFormats;

  constructor(formats: WeightFormats) {
    this.#formats = formats;
  }

  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, tensor) => sum + tensor.byteLength, 0);
  }

  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array, type: ElementType): void {
    const key = keyOf(spec.role, spec.layer);
    let tensor = this.#tensors.get(key);
    if (!tensor) this.#tensors.set(key, (tensor = new Float32Array(spec.rows * spec.cols)));
    const format = keptFormat(spec, type, this.#formats);
    const values = spec.vector ? toFloat32(bytes, type) : keptRows(bytes, type, spec.cols, format);
    tensor.set(values, firstRow * spec.cols);
  }

  get(role: WeightRole, layer = 0): Float32Array {
    const tensor = this.find(role, layer);
    if (!tensor) throw new Error(`the weight ${keyOf(role, layer)} was never put`);
    return tensor;
  }

  find(role: WeightRole, layer = 0): Float32Array | undefined {
    return this.#tensors.get(keyOf(role, layer));
  }

  /** The same model under another plan: all but the key and value projections are shared with this one. */
  convert(stored: readonly LayerType[], wanted: readonly LayerType[]): CpuWeights {
    const converted = new CpuWeights(this.#formats);
    for (const [key, tensor] of this.#tensors) converted.#tensors.set(key, tensor);
    for (const [owner, sources] of kvSources(stored, wanted)) {
      for (const role of kvRoles) {
        const present = sources.flatMap((source) => this.find(role, source) ?? []);
        const [first] = present;
        if (!first) continue;
        const round = this.#formats.weights === 'f16' && (role === 'k' || role === 'v');
        const mean = round ? roundToF16(meanOf(present)) : meanOf(present);
        converted.#tensors.set(keyOf(role, owner), isCopy(sources) ? first : mean);
      }
    }
    return converted;
  }

  clear(): void {
    this.#tensors.clear();
  }
}

const keyOf = (role: WeightRole, layer: number) => `${role}/${layer}`;
