import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import { bytesOf } from '../../gpu/plan/element-type.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import type { WeightFormats } from '../../gpu/plan/matrix-format.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { NotQuantizable } from '../../gpu/plan/quantize.ts';
import { weightSpecs, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { badWeights, cutShort, openCheckpoint, readerOfData, type CheckpointFile } from './checkpoint.ts';
import { locateTensors, type LocatedTensor } from './locate-tensors.ts';
import type { ModelSource } from './model-source.ts';

export interface LoadWeightsOptions extends WeightFormats {
  readonly source: ModelSource;
  readonly backend: Backend;
  readonly dims: ModelDims;
  /** The plan under which the checkpoint was written. */
  readonly storedLayers: readonly LayerType[];
  /** Called when there is room for them, before the first weight is read. */
  readonly onRoom: (bytes: number) => void;
  readonly onProgress: (file: string, loadedBytes: number, totalBytes: number) => void;
}

/** What is handed to the backend at once: whole rows of about this many bytes. */
const PIECE_BYTES = 4 * 2 ** 20;

/**
 * Streams a checkpoint into a backend: one pass over the files, never more than a piece of a tensor in memory.
 * All headers are checked before the backend is asked for room, and the room is freed on every failure.
 *
 * @throws Refused with `download-failed` or `bad-weights` (naming tensor and file), BackendError
 */
export async function loadWeights(options: LoadWeightsOptions): Promise<ModelWeights> {
  const { source, backend, dims, storedLayers, weights: precision, quantizeEmbeddings = false } = options;
  const checkpoint = await openCheckpoint(source);
  let weights: ModelWeights | null = null;
  try {
    const located = locateTensors(checkpoint, weightSpecs(dims, storedLayers));
    weights = await backend.allocate({
      dims,
      storedLayers,
      weights: precision,
      quantizeEmbeddings,
      elementTypeOf: ({ name }) => located.get(name)?.type ?? unknownTensor(name),
    });
    options.onRoom(weights.bytes);
    for (const [file, tensors] of inOrderOfFiles(located.values()))
      await streamFile(file, tensors, weights, options);
    await weights.ready();
    return weights;
  } catch (error) {
    weights?.free();
    throw error;
  } finally {
    for (const { reader } of checkpoint.files) await reader?.close();
  }
}

/** The tensors of each file, by their place in it. */
function inOrderOfFiles(
  located: Iterable<LocatedTensor>,
): ReadonlyMap<CheckpointFile, readonly LocatedTensor[]> {
  const byFile = new Map<CheckpointFile, LocatedTensor[]>();
  for (const tensor of located) byFile.set(tensor.file, [...(byFile.get(tensor.file) ?? []), tensor]);
  for (const tensors of byFile.values()) tensors.sort((a, b) => a.tensor.begin - b.tensor.begin);
  return byFile;
}

async function streamFile(
  file: CheckpointFile,
  tensors: readonly LocatedTensor[],
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
        await putOrRefuse(weights, spec, row, bytes, file);
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

async function putOrRefuse(
  weights: ModelWeights,
  spec: WeightSpec,
  firstRow: number,
  bytes: Uint8Array,
  file: CheckpointFile,
): Promise<void> {
  try {
    await weights.put(spec, firstRow, bytes);
  } catch (error) {
    if (!(error instanceof NotQuantizable)) throw error;
    const where = `row ${firstRow + error.row}, column ${error.col} of tensor ${spec.name}`;
    throw badWeights(file.name, `${where} is ${error.value}, which 8 or 4 bits cannot hold`);
  }
}

function unknownTensor(name: string): never {
  throw new Error(`the backend asked for ${name}, which is no tensor of the model`);
}
