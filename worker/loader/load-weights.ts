import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import type { LayerType } from '../../gpu/plan/layer-types.ts';
import {
  isQuantized,
  quantizedBy,
  keptFormat,
  packRows,
  quantizedAs,
  storedRowBytes,
  type MatrixFormat,
  type WeightFormats,
} from '../../gpu/numbers/matrix-format.ts';
import type { ModelDims } from '../../gpu/plan/model-dims.ts';
import { NotQuantizable } from '../../gpu/numbers/quantize.ts';
import { weightSpecs, type WeightSpec } from '../../gpu/plan/weight-specs.ts';
import type { Quantizer } from '../../gpu/wasm/quantizer.ts';
import { Refused } from '../outcome.ts';
import { whyNotComputed } from '../why-not-computed.ts';
import {
  badWeights,
  closeReaders,
  cutShort,
  openCheckpoint,
  readerOfData,
  type Checkpoint,
  type CheckpointFile,
} from './checkpoint.ts';
import { locateQuantized, locateTensors, type LocatedTensor } from './locate-tensors.ts';
import type { CopyWriter, ModelSource } from './model-source.ts';
import { firstBeyondF16, firstNonFinite } from './non-finite.ts';
import { beginCopy, dropCopy, openCopy } from './quantized-copy.ts';

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

export interface LoadedWeights {
  readonly weights: ModelWeights;
  /** The dimensions that the files have: an LM head of its own counts more than the configuration. */
  readonly dims: ModelDims;
  /** What in the files contradicts the configuration or is unused, as sentences. */
  readonly notices: readonly string[];
}

/** What is handed to the backend at once: whole rows of about this many bytes. */
const PIECE_BYTES = 4 * 2 ** 20;

/**
 * Streams a checkpoint into a backend: one pass over the files, never more than a piece of a tensor in memory.
 * All headers are checked before the backend is asked for room, and the room is freed on every failure. What is
 * quantized on the way is kept if the source keeps copies, and read from there the next time.
 *
 * @throws Refused with `download-failed` or `bad-weights` (naming tensor and file), BackendError
 */
export async function loadWeights(options: LoadWeightsOptions): Promise<LoadedWeights> {
  const { source, weights, backend } = options;
  const reason = whyNotComputed(weights, backend.adapter.backend);
  if (reason !== null) throw new Refused({ code: 'bad-request', field: 'weights', reason });
  const copy = await openCopy(source, options);
  if (copy) {
    try {
      return await load(copy.source, copy.checkpoint, locateQuantized, options);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await dropCopy(source, options); // Whatever is wrong with it, the files are still there.
    }
  }
  return load(source, await openCheckpoint(source), locateTensors, options);
}

/** Fills a backend from an opened checkpoint, which is closed at the end. */
async function load(
  source: ModelSource,
  checkpoint: Checkpoint,
  locate: (
    checkpoint: Checkpoint,
    specs: readonly WeightSpec[],
    formats: WeightFormats,
  ) => ReadonlyMap<string, LocatedTensor<MatrixFormat>>,
  options: LoadWeightsOptions,
): Promise<LoadedWeights> {
  const { backend, storedLayers, weights: precision, quantizeEmbeddings } = options;
  let weights: ModelWeights | null = null;
  let copy: CopyWriter | null = null;
  try {
    // Most files hold what the model needs and nothing else, so that there is nothing to compare.
    const compare = isExact(checkpoint, weightSpecs(options.dims, storedLayers))
      ? null
      : await import('./compare-tensors.ts');
    const tiedEmbeddings = compare
      ? await compare.isTied(source, checkpoint, options.dims)
      : options.dims.tiedEmbeddings;
    const dims = { ...options.dims, tiedEmbeddings };
    const specs = weightSpecs(dims, storedLayers);
    const located = locate(checkpoint, specs, options);
    await compare?.refuseOtherTwins(source, checkpoint, specs);
    const notices = [
      ...checkpoint.notices,
      compare && tiedEmbeddings !== options.dims.tiedEmbeddings ? compare.UNTIED_NOTICE : null,
      (await compare?.unusedNotice(source, checkpoint, specs, dims)) ?? null,
    ].filter((notice) => notice !== null);

    const formatOf = (spec: WeightSpec) => handedAs(tensorOf(located, spec), options);
    weights = await backend.allocate({
      dims,
      storedLayers,
      weights: precision,
      quantizeEmbeddings,
      storedAs: formatOf,
    });
    options.onRoom(weights.bytes);
    const quantize = quantizedBy(precision) ? await openQuantizer() : null;
    const files = inOrderOfFiles(located.values());
    const inOrder = [...files.values()].flat().map(({ spec }) => spec);
    copy = await beginCopy(source, options, inOrder, formatOf);
    for (const [file, tensors] of files) {
      await streamFile(source, file, tensors, options, quantize, async ({ spec }, row, bytes) => {
        await weights?.put(spec, row, bytes);
        await copy?.add(bytes);
      });
    }
    await weights.ready();
    return { weights, dims, notices };
  } catch (error) {
    weights?.free();
    throw error;
  } finally {
    await copy?.end();
    await closeReaders(checkpoint);
  }
}

/** Whether the files hold each tensor of the model once, and no other. */
function isExact(checkpoint: Checkpoint, specs: readonly WeightSpec[]): boolean {
  const held = checkpoint.files.reduce((sum, { tensors }) => sum + tensors.size, 0);
  return held === specs.length && specs.every(({ name }) => checkpoint.filesOf(name).length === 1);
}

function tensorOf(located: ReadonlyMap<string, LocatedTensor<MatrixFormat>>, { name }: WeightSpec) {
  const tensor = located.get(name);
  if (!tensor) throw new Error(`the backend asked for ${name}, which is no tensor of the model`);
  return tensor;
}

/** How a tensor's rows are handed to the backend: as they come, or quantized. */
const handedAs = ({ spec, type }: LocatedTensor<MatrixFormat>, formats: WeightFormats): MatrixFormat =>
  quantizedAs(spec, formats) ?? type;

/** The tensors of each file, by their place in it. */
function inOrderOfFiles(
  located: Iterable<LocatedTensor<MatrixFormat>>,
): ReadonlyMap<CheckpointFile, readonly LocatedTensor<MatrixFormat>[]> {
  const byFile = new Map<CheckpointFile, LocatedTensor<MatrixFormat>[]>();
  for (const tensor of located) byFile.set(tensor.file, [...(byFile.get(tensor.file) ?? []), tensor]);
  for (const tensors of byFile.values()) tensors.sort((a, b) => a.tensor.begin - b.tensor.begin);
  return byFile;
}

type TakeRows = (tensor: LocatedTensor<MatrixFormat>, firstRow: number, bytes: Uint8Array) => Promise<void>;

/** Hands on the rows of a file's tensors, quantized if the run asks for it and they are not yet. */
async function streamFile(
  source: ModelSource,
  file: CheckpointFile,
  tensors: readonly LocatedTensor<MatrixFormat>[],
  options: LoadWeightsOptions,
  quantize: Quantizer | null,
  take: TakeRows,
): Promise<void> {
  const { onProgress } = options;
  const reader = await readerOfData(source, file);
  const fileBytes = file.dataStart + file.dataBytes;
  const passTo = (position: number) => reader.skip(position - reader.position);
  try {
    for (const located of tensors) {
      const { spec, tensor, type } = located;
      await passTo(file.dataStart + tensor.begin);
      const format = handedAs(located, options);
      const rowBytes = storedRowBytes(type, spec.cols);
      const rowsAtOnce = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
      for (let row = 0; row < spec.rows; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, spec.rows - row);
        const bytes = await reader.read(rows * rowBytes);
        if (bytes.length < rows * rowBytes)
          throw cutShort(file, reader.position, `within tensor ${spec.name}`);
        refuseNonFinite(bytes, located, row, options);
        await take(located, row, packed(bytes, located, row, format, quantize));
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

/** Refuses NaN and infinities, and numbers that become infinite if weights are rounded to f16. */
function refuseNonFinite(
  bytes: Uint8Array,
  { spec, type, file }: LocatedTensor<MatrixFormat>,
  firstRow: number,
  formats: WeightFormats,
): void {
  if (isQuantized(type)) return; // Our own copy of numbers that were finite.
  const complain = (index: number, what: string) => {
    const where = `row ${firstRow + Math.floor(index / spec.cols)}, column ${index % spec.cols}`;
    throw badWeights(file.name, `tensor ${spec.name} has ${what} in ${where}`);
  };
  const index = firstNonFinite(bytes, type);
  if (index >= 0) complain(index, 'a NaN or an infinity');
  const rounds = !spec.vector && type !== 'f16' && keptFormat(spec, type, formats) === 'f16';
  const beyond = rounds ? firstBeyondF16(bytes, type) : -1;
  if (beyond >= 0) complain(beyond, 'a number that f16 cannot hold (choose other weights than f16)');
}

/** Loaded only for weights that are quantized. */
async function openQuantizer(): Promise<Quantizer> {
  const quantizer = await import('../../gpu/wasm/quantizer.ts');
  return quantizer.openQuantizer();
}

function packed(
  bytes: Uint8Array,
  { spec, type, file }: LocatedTensor<MatrixFormat>,
  firstRow: number,
  format: MatrixFormat,
  quantize: Quantizer | null,
): Uint8Array {
  if (type === format) return bytes;
  try {
    if (quantize && isQuantized(format) && !isQuantized(type))
      return quantize(bytes, type, spec.cols, format);
    return packRows(bytes, type, spec.cols, format);
  } catch (error) {
    if (!(error instanceof NotQuantizable)) throw error;
    const where = `row ${firstRow + error.row}, column ${error.col} of tensor ${spec.name}`;
    throw badWeights(file.name, `${where} is ${error.value}, which 8 or 4 bits cannot hold`);
  }
}
