import type { ElementType } from '../../gpu/plan/element-type.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { show } from '../hostile-fields.ts';
import { badWeights, type Checkpoint, type CheckpointFile } from './checkpoint.ts';
import type { StoredTensor } from './safetensors.ts';

/** A tensor that the model needs, and where it lies. */
export interface LocatedTensor {
  readonly spec: WeightSpec;
  readonly file: CheckpointFile;
  readonly tensor: StoredTensor;
  readonly type: ElementType;
}

const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

/**
 * Finds every tensor of a model by its name, and checks its shape and type.
 *
 * @throws Refused with `bad-weights`, naming tensor and file
 */
export function locateTensors(
  checkpoint: Checkpoint,
  specs: readonly WeightSpec[],
): ReadonlyMap<string, LocatedTensor> {
  return new Map(specs.map((spec) => [spec.name, locate(checkpoint, spec)]));
}

function locate(checkpoint: Checkpoint, spec: WeightSpec): LocatedTensor {
  const file = checkpoint.fileOf(spec.name);
  if (!file) throw badWeights(checkpoint.directory, `it has no tensor ${spec.name}`);
  const tensor = file.tensors.get(spec.name);
  if (!tensor) throw badWeights(file.name, `it has no tensor ${spec.name}`);
  const shape = spec.vector ? [spec.cols] : [spec.rows, spec.cols];
  if (show(tensor.shape) !== show(shape)) {
    const reason = `tensor ${spec.name} has the shape ${show(tensor.shape)}, not ${show(shape)}`;
    throw badWeights(file.name, reason);
  }
  const type = elementTypes.get(tensor.dtype);
  if (!type) {
    const known = [...elementTypes.keys()].join(', ');
    const reason = `tensor ${spec.name} is stored as ${tensor.dtype}, which is none of ${known}`;
    throw badWeights(file.name, reason);
  }
  return { spec, file, tensor, type };
}
