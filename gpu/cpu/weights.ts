import type { LayerType } from '../plan/layer-types.ts';
import {
  isQuantized,
  keptFormat,
  keptRows,
  numbersOf,
  packRows,
  type MatrixFormat,
  type WeightFormats,
} from '../numbers/matrix-format.ts';
import { scalesFit } from '../numbers/quantize.ts';
import { roundedInput } from '../numbers/rounded-input.ts';
import type { WeightRole, WeightSpec } from '../plan/weight-specs.ts';
import { convertKv } from './convert-kv.ts';

/** Stored rows of a tensor as float32: exactly the numbers in the GPU's packed rows. */
export const keptNumbers = (
  spec: WeightSpec,
  bytes: Uint8Array,
  stored: MatrixFormat,
  formats: WeightFormats,
): Float32Array =>
  spec.vector
    ? numbersOf(bytes, stored, spec.cols)
    : keptRows(bytes, stored, spec.cols, keptFormat(spec, stored, formats));

/** A model's tensors as float32, found by role and layer. */
export class CpuWeights {
  readonly #tensors = new Map<string, Float32Array>();
  /** The matrices whose products round their input: not those with a scale of 128 or more, which WebAssembly widens. */
  readonly #rounding = new Set<string>();
  readonly #formats: WeightFormats;

  constructor(formats: WeightFormats) {
    this.#formats = formats;
  }

  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, tensor) => sum + tensor.byteLength, 0);
  }

  put(spec: WeightSpec, firstRow: number, bytes: Uint8Array, stored: MatrixFormat): void {
    const key = keyOf(spec.role, spec.layer);
    const format = spec.vector ? 'f32' : keptFormat(spec, stored, this.#formats);
    const rounds = isQuantized(format) && this.#formats.weights === 'w4a8';
    let tensor = this.#tensors.get(key);
    if (!tensor) {
      this.#tensors.set(key, (tensor = new Float32Array(spec.rows * spec.cols)));
      if (rounds) this.#rounding.add(key);
    }
    const [rows, rowsAs] = rounds ? [packRows(bytes, stored, spec.cols, format), format] : [bytes, stored];
    tensor.set(keptNumbers(spec, rows, rowsAs, this.#formats), firstRow * spec.cols);
    if (rounds && !scalesFit(rows, spec.cols, format)) this.#rounding.delete(key);
  }

  get(role: WeightRole, layer = 0): Float32Array {
    const tensor = this.find(role, layer);
    if (!tensor) throw new Error(`the weight ${keyOf(role, layer)} was never put`);
    return tensor;
  }

  find(role: WeightRole, layer = 0): Float32Array | undefined {
    return this.#tensors.get(keyOf(role, layer));
  }

  /** A row as the input of a product with a matrix. */
  inputOf(role: WeightRole, layer: number, x: Float32Array): Float32Array {
    return this.#rounding.has(keyOf(role, layer)) ? roundedInput(x) : x;
  }

  /** The same model under another plan: all but the key and value projections are shared with this one. */
  convert(stored: readonly LayerType[], wanted: readonly LayerType[]): CpuWeights {
    const converted = new CpuWeights(this.#formats);
    for (const [key, tensor] of this.#tensors) converted.#tensors.set(key, tensor);
    for (const key of this.#rounding) converted.#rounding.add(key);
    const find = (role: WeightRole, layer: number) => this.find(role, layer);
    for (const made of convertKv(stored, wanted, this.#formats, find)) {
      const key = keyOf(made.role, made.owner);
      const values = 'from' in made ? this.find(made.role, made.from) : made.mean;
      if (values) converted.#tensors.set(key, values);
      // A mean stays as it is computed.
      if ('from' in made && this.#rounding.has(keyOf(made.role, made.from))) converted.#rounding.add(key);
      else converted.#rounding.delete(key);
    }
    return converted;
  }

  clear(): void {
    this.#tensors.clear();
    this.#rounding.clear();
  }
}

const keyOf = (role: WeightRole, layer: number) => `${role}/${layer}`;
