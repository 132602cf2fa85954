import type { Backend, ModelWeights, WeightPrecision } from '../../gpu/backend.ts';
import { bytesOf, type ElementType } from '../../gpu/plan/element-type.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { weightSpecs, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { show } from '../hostile-fields.ts';
import {
  badWeights,
  openCheckpoint,
  readerOfData,
  type Checkpoint,
  type CheckpointFile,
} from './checkpoint.ts';
import type { ModelSource } from './model-source.ts';
import type { StoredTensor } from './safetensors.ts';

export interface LoadWeightsOptions {
  readonly source: ModelSource;
  readonly backend: Backend;
  readonly dims: ModelDims;
  /** The plan under which the checkpoint was written. */
  readonly storedLayers: readonly LayerType[];
  readonly weights: WeightPrecision;
  readonly onProgress: (file: string, loadedBytes: number, totalBytes: number) => void;
}

/** A tensor that the model needs, and where it lies. */
interface Needed {
  readonly spec: WeightSpec;
  readonly tensor: StoredTensor;
  readonly type: ElementType;
}

/** What is handed to the backend at once: whole rows of about this many bytes. */
const PIECE_BYTES = 4 * 2 ** 20;

const elementTypes: ReadonlyMap<string, ElementType> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

/**
 * Streams a checkpoint into a backend: one pass over the files, never more than a piece of a tensor in memory.
 * All headers are checked before the backend is asked for room, and the room is freed on every failure.
 *
 * @throws Refused with `download-failed` or `bad-weights` (naming tensor and file), BackendError
 */
export async function loadWeights(options: LoadWeightsOptions): Promise<ModelWeights> {
  const { source, backend, dims, storedLayers, weights: precision } = options;
  const checkpoint = await openCheckpoint(source);
  let weights: ModelWeights | null = null;
  try {
    const needed = locate(checkpoint, weightSpecs(dims, storedLayers));
    const types = new Map([...needed.values()].flat().map(({ spec, type }) => [spec.name, type]));
    weights = await backend.allocate({
      dims,
      storedLayers,
      weights: precision,
      elementTypeOf: ({ name }) => types.get(name) ?? unknownTensor(name),
    });
    for (const [file, tensors] of needed) await streamFile(file, tensors, weights, options);
    await weights.ready();
    return weights;
  } catch (error) {
    weights?.free();
    throw error;
  } finally {
    for (const { reader } of checkpoint.files) await reader?.close();
  }
}

/** Finds every tensor, checks its shape and type, and sorts by file and by place in it. */
function locate(checkpoint: Checkpoint, specs: readonly WeightSpec[]): ReadonlyMap<CheckpointFile, Needed[]> {
  const needed = new Map<CheckpointFile, Needed[]>();
  for (const spec of specs) {
    const file = checkpoint.fileOf(spec.name);
    if (!file) throw badWeights(checkpoint.directory, `it has no tensor ${spec.name}`);
    const tensor = file.tensors.get(spec.name);
    if (!tensor) throw badWeights(file.name, `it has no tensor ${spec.name}`);
    const shape = spec.vector ? [spec.cols] : [spec.rows, spec.cols];
    if (show(tensor.shape) !== show(shape)) {
      throw badWeights(
        file.name,
        `tensor ${spec.name} has the shape ${show(tensor.shape)}, not ${show(shape)}`,
      );
    }
    const type = elementTypes.get(tensor.dtype);
    if (!type) {
      const known = [...elementTypes.keys()].join(', ');
      throw badWeights(
        file.name,
        `tensor ${spec.name} is stored as ${tensor.dtype}, which is none of ${known}`,
      );
    }
    needed.set(file, [...(needed.get(file) ?? []), { spec, tensor, type }]);
  }
  for (const tensors of needed.values()) tensors.sort((a, b) => a.tensor.begin - b.tensor.begin);
  return needed;
}

async function streamFile(
  file: CheckpointFile,
  tensors: readonly Needed[],
  weights: ModelWeights,
  { source, onProgress }: LoadWeightsOptions,
): Promise<void> {
  const reader = await readerOfData(source, file);
  const fileBytes = file.dataStart + file.dataBytes;
  const passTo = (position: number) => reader.skip(position - reader.position);
  try {
    for (const { spec, tensor, type } of tensors) {
      await passTo(file.dataStart + tensor.begin);
      const rowBytes = spec.cols * bytesOf(type);
      const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
      for (let row = 0; row < spec.rows; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, spec.rows - row);
        const bytes = await reader.read(rows * rowBytes);
        if (bytes.length < rows * rowBytes)
          throw cutShort(file, reader.position, `within tensor ${spec.name}`);
        await weights.put(spec, row, bytes);
        onProgress(file.name, reader.position, fileBytes);
      }
    }
    await passTo(fileBytes);
    if (reader.position < fileBytes)
      throw cutShort(file, reader.position, 'after the last tensor of the model');
    if ((await reader.skip(1)) > 0) throw badWeights(file.name, 'bytes after the last tensor belong to none');
    onProgress(file.name, fileBytes, fileBytes);
  } finally {
    await reader.close();
  }
}

const cutShort = (file: CheckpointFile, position: number, where: string) =>
  badWeights(
    file.name,
    `it is cut short: it ends ${where}, at byte ${position} of ${file.dataStart + file.dataBytes}`,
  );

function unknownTensor(name: string): never {
  throw new Error(`the backend asked for ${name}, which is no tensor of the model`);
}
