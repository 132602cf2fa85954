import { isCopy, kvRoles, kvSources, meanOf } from '../plan/conversion.ts';
import type { LayerType } from '../plan/layer-types.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { weightSpecs, type WeightRole, type WeightSpec } from '../plan/weight-specs.ts';
import type { Address } from '../wasm/kernels.ts';
import type { Allocate } from './space.ts';
import type { Trained } from './recipe.ts';

/** A model's tensors in float32, by role and layer. */
export type FindTensor = (role: WeightRole, layer: number) => Float32Array | undefined;

interface Placed {
  readonly spec: WeightSpec;
  readonly weights: Address;
  /** 0 if the tensor is not trained. */
  readonly gradients: Address;
}

const ALIGNMENT = 16;
const projections: ReadonlySet<WeightRole> = new Set(kvRoles);

/**
 * The weights of a model under the plan to be healed. Those that are trained lie side by side, and so do their gradients
 * and the optimizer's two moments, so that a step and a checkpoint are one piece of memory each.
 */
export class Parameters {
  /** Trained numbers, with what pads each tensor to whole vectors. */
  readonly trainedCount: number;
  readonly trained: Address;
  readonly gradients: Address;
  readonly means: Address;
  readonly squares: Address;
  readonly #placed: ReadonlyMap<string, Placed>;

  constructor(dims: ModelDims, layers: readonly LayerType[], what: Trained, allocate: Allocate) {
    const specs = weightSpecs(dims, layers);
    const isTrained = ({ role }: WeightSpec) => what === 'all' || projections.has(role);
    this.trainedCount = specs.filter(isTrained).reduce((sum, spec) => sum + roomOf(spec), 0) / 4;
    const bytes = 4 * this.trainedCount;
    const frozenBytes = specs.filter((spec) => !isTrained(spec)).reduce((sum, spec) => sum + roomOf(spec), 0);
    let frozen = allocate('weights', frozenBytes);
    this.trained = allocate('weights', bytes);
    this.gradients = allocate('gradients', bytes);
    this.means = allocate('optimizer', bytes);
    this.squares = allocate('optimizer', bytes);
    let offset = 0;
    this.#placed = new Map(
      specs.map((spec): [string, Placed] => {
        const key = keyOf(spec.role, spec.layer);
        if (isTrained(spec)) {
          const placed = { spec, weights: this.trained + offset, gradients: this.gradients + offset };
          offset += roomOf(spec);
          return [key, placed];
        }
        const weights = frozen;
        frozen += roomOf(spec);
        return [key, { spec, weights, gradients: 0 }];
      }),
    );
  }

  get tensors(): readonly Placed[] {
    return [...this.#placed.values()];
  }

  /** Where a tensor lies. */
  weights(role: WeightRole, layer = 0): Address {
    const placed = this.#placed.get(keyOf(role, layer));
    if (!placed) throw new Error(`the model has no ${role} in layer ${layer}`);
    return placed.weights;
  }

  /** Where a tensor that a family may lack lies; 0 if it lacks it. */
  find(role: WeightRole, layer: number): Address {
    return this.#placed.get(keyOf(role, layer))?.weights ?? 0;
  }

  /** Where a tensor's gradients add up; 0 if it is not trained or not there. */
  gradient(role: WeightRole, layer = 0): Address {
    return this.#placed.get(keyOf(role, layer))?.gradients ?? 0;
  }
}

/**
 * The tensors of a model under another plan: an owner's projections are means of the stored ones, as in
 * gpu/cpu/convert-kv.ts, and all others are the stored ones.
 */
export function convertTensors(
  stored: readonly LayerType[],
  wanted: readonly LayerType[],
  find: FindTensor,
): FindTensor {
  const sources = kvSources(stored, wanted);
  return (role, layer) => {
    if (!projections.has(role)) return find(role, layer);
    const owners = sources.get(layer) ?? [];
    const [first] = owners;
    if (first === undefined) return undefined;
    if (isCopy(owners)) return find(role, first);
    const present = owners.flatMap((owner) => find(role, owner) ?? []);
    return present.length === 0 ? undefined : meanOf(present);
  };
}

const keyOf = (role: WeightRole, layer: number) => `${role}/${layer}`;

const roomOf = ({ rows, cols }: WeightSpec) => Math.ceil((4 * rows * cols) / ALIGNMENT) * ALIGNMENT;
