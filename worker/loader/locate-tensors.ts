import type { ElementType } from '../../gpu/numbers/element-type.ts';
import { quantizedAs, type MatrixFormat, type WeightFormats } from '../../gpu/numbers/matrix-format.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { show } from '../hostile-fields.ts';
import { badWeights, type Checkpoint, type CheckpointFile } from './checkpoint.ts';
import { QUANTIZED_ADVICE } from './quantized-advice.ts';
import type { StoredTensor } from './safetensors.ts';
import { elementTypes, tensorForm } from './tensor-form.ts';

/** A tensor that the model needs, and its place in the files. */
export interface LocatedTensor<Type extends MatrixFormat = ElementType> {
  readonly spec: WeightSpec;
  readonly file: CheckpointFile;
  readonly tensor: StoredTensor;
  readonly type: Type;
}

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

/**
 * The same for a checkpoint whose matrices were quantized.
 *
 * @throws Refused with `bad-weights`, also if it was quantized in another way
 */
export function locateQuantized(
  checkpoint: Checkpoint,
  specs: readonly WeightSpec[],
  formats: WeightFormats,
): ReadonlyMap<string, LocatedTensor<MatrixFormat>> {
  const located = (spec: WeightSpec): LocatedTensor<MatrixFormat> => {
    const type = quantizedAs(spec, formats);
    if (!type) return locate(checkpoint, spec);
    const { file, tensor } = find(checkpoint, spec);
    checkShape(spec, file, tensor, type);
    if (tensor.dtype === tensorForm(spec, type).dtype) return { spec, file, tensor, type };
    throw badWeights(file.name, `tensor ${spec.name} is stored as ${tensor.dtype} and not as ${type}`);
  };
  return new Map(specs.map((spec) => [spec.name, located(spec)]));
}

function locate(checkpoint: Checkpoint, spec: WeightSpec): LocatedTensor {
  const { file, tensor } = find(checkpoint, spec);
  checkShape(spec, file, tensor, 'f32');
  const type = elementTypes.get(tensor.dtype);
  if (type) return { spec, file, tensor, type };
  const known = [...elementTypes.keys()].join(', ');
  const reason = `tensor ${spec.name} is stored as ${tensor.dtype}, which is none of ${known}`;
  throw badWeights(file.name, reason);
}

function find(checkpoint: Checkpoint, { name }: WeightSpec) {
  const [file] = checkpoint.filesOf(name);
  const tensor = file?.tensors.get(name);
  if (file && tensor) return { file, tensor };
  throw badWeights(checkpoint.directory, `it has no tensor ${name}${howQuantized(checkpoint, name)}`);
}

/** Says so if a matrix is not there because a quantizer has taken it apart. */
function howQuantized(checkpoint: Checkpoint, name: string): string {
  const parts = ['.qweight', '.scales', '.weight_packed'].map((end) => name.replace(/\.weight$/, end));
  const found = parts.find((part) => checkpoint.filesOf(part).length > 0);
  return found === undefined
    ? ''
    : `, but ${found}: it was quantized by another program. ${QUANTIZED_ADVICE}`;
}

function checkShape(spec: WeightSpec, file: CheckpointFile, tensor: StoredTensor, type: MatrixFormat): void {
  const { shape } = tensorForm(spec, type);
  const isSame = shape.length === tensor.shape.length && shape.every((n, axis) => n === tensor.shape[axis]);
  if (isSame) return;
  const packed = tensor.dtype === 'U32' || tensor.dtype === 'I32';
  const why = packed ? `, in ${tensor.dtype}: it was quantized by another program. ${QUANTIZED_ADVICE}` : '';
  const reason = `tensor ${spec.name} has the shape ${show(tensor.shape)}, not ${show(shape)}${why}`;
  throw badWeights(file.name, reason);
}
