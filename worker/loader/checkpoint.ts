import { mistakenFor } from '../file-kind.ts';
import { Refused } from '../outcome.ts';
import { ByteReader } from './byte-reader.ts';
import { WHOLE_WEIGHTS } from './model-files.ts';
import type { ModelSource, OpenFile } from './model-source.ts';
import { namesOf } from './names.ts';
import { BadIndex, parseIndex, type ShardIndex } from './shard-index.ts';
import { BadHeader, headerLength, LENGTH_BYTES, parseHeader, type TensorTable } from './safetensors.ts';
import { withModelPrefix } from './tensor-names.ts';

const INDEX_FILE = 'model.safetensors.index.json';

/** A model's safetensors files: one, or the shards that an index names. */
export interface Checkpoint {
  readonly files: readonly CheckpointFile[];
  /** The files that hold a tensor, the one that the index names first. Usually there is one. */
  filesOf(tensor: string): readonly CheckpointFile[];
  /** The file to blame for a tensor that none holds. */
  readonly directory: string;
  /** Contradictions that do not keep the model from loading, as sentences. */
  readonly notices: readonly string[];
}

/** One file whose header was read. */
export interface CheckpointFile extends TensorTable {
  readonly name: string;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
  /** At `dataStart`, if one file holds everything; null for a shard, which is opened again when its turn comes. */
  readonly reader: ByteReader | null;
}

/**
 * Finds a model's weights and reads the headers of all files, before any tensor is touched.
 *
 * @param wholeFile the file that holds them all, if there is one
 * @throws Refused with `download-failed` if there are no weights, `bad-weights` if a header or the index is wrong
 */
export async function openCheckpoint(source: ModelSource, wholeFile = WHOLE_WEIGHTS): Promise<Checkpoint> {
  const opened = await openFile(source, wholeFile, 'go on');
  if (opened) {
    const whole = { ...opened, tensors: withModelPrefix([opened.tensors])[0] ?? opened.tensors };
    return {
      files: [whole],
      filesOf: (tensor) => (whole.tensors.has(tensor) ? [whole] : []),
      directory: wholeFile,
      notices: [],
    };
  }
  const index = await source.text(INDEX_FILE);
  if (index === null) {
    const { otherWeights } = await import('./other-weights.ts'); // hardly any model needs it
    const reason = `there is neither ${WHOLE_WEIGHTS} nor ${INDEX_FILE}${otherWeights(await source.names())}`;
    throw new Refused({ code: 'download-failed', file: WHOLE_WEIGHTS, status: 404, reason });
  }
  return openShards(source, readIndex(index));
}

/** @throws Refused with `bad-weights` */
function readIndex(text: string): ShardIndex {
  try {
    return parseIndex(text);
  } catch (error) {
    throw error instanceof BadIndex ? badWeights(INDEX_FILE, error.message) : error;
  }
}

async function openShards(source: ModelSource, { shardOf, totalBytes }: ShardIndex): Promise<Checkpoint> {
  const opened: CheckpointFile[] = [];
  for (const name of new Set(shardOf.values())) {
    const shard = await openFile(source, name, 'close');
    if (!shard) throw badWeights(INDEX_FILE, `it names ${name}, which is not there`);
    opened.push(shard);
  }
  const renamed = withModelPrefix(opened.map(({ tensors }) => tensors));
  const files = opened.map((file, i) => ({ ...file, tensors: renamed[i] ?? file.tensors }));
  const [placed = shardOf] = withModelPrefix([shardOf]);

  const holders = new Map<string, CheckpointFile[]>();
  for (const file of files) {
    for (const tensor of file.tensors.keys()) {
      const others = holders.get(tensor) ?? [];
      // The one that the index names comes first.
      holders.set(tensor, placed.get(tensor) === file.name ? [file, ...others] : [...others, file]);
    }
  }
  const filesOf = (tensor: string) => holders.get(tensor) ?? [];
  const absent = [...placed.keys()].filter((tensor) => filesOf(tensor).length === 0);
  const misplaced = [...placed].flatMap(([tensor, shard]) => {
    const [holder] = filesOf(tensor);
    return holder && holder.name !== shard ? [tensor] : [];
  });
  const presentBytes = files.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  const notices = [
    absent.length > 0 && `${INDEX_FILE} names ${namesOf(absent)}, which no shard holds.`,
    misplaced.length > 0 &&
      `${INDEX_FILE} places ${namesOf(misplaced)} in another shard than the one that holds it.`,
    totalBytes !== null &&
      totalBytes !== presentBytes &&
      `${INDEX_FILE} says that the tensors have ${totalBytes} bytes; the shards hold ${presentBytes}.`,
  ].filter((notice) => notice !== false);
  return { files, filesOf, directory: INDEX_FILE, notices };
}

/** Closes the files that are still open. */
export async function closeReaders({ files }: Checkpoint): Promise<void> {
  for (const { reader } of files) await reader?.close();
}

/** A reader at the start of the tensors' bytes: the one that has read the header, or a new one. */
export const readerOfData = async (source: ModelSource, file: CheckpointFile): Promise<ByteReader> =>
  file.reader ?? openData(source, file, 0);

/** A new reader at byte `begin` of the tensors' bytes. */
export async function openData(
  source: ModelSource,
  file: CheckpointFile,
  begin: number,
): Promise<ByteReader> {
  const opened = await source.open(file.name, file.dataStart + begin);
  if (!opened) throw badWeights(file.name, 'it was there a moment ago and is gone');
  return new ByteReader(opened, file.dataStart + begin);
}

/** The failure of a file whose contents are wrong. */
export const badWeights = (file: string, reason: string) =>
  new Refused({ code: 'bad-weights', file, reason });

/** {@link badWeights} for a file that ends before its header said. */
export const cutShort = (file: CheckpointFile, position: number, where: string) =>
  badWeights(
    file.name,
    `it is cut short: it ends ${where}, at byte ${position} of ${file.dataStart + file.dataBytes}`,
  );

/** How many bytes of a file are read to recognize what it really is. */
const HEAD_BYTES = 512;

async function openFile(
  source: ModelSource,
  name: string,
  then: 'go on' | 'close',
): Promise<CheckpointFile | null> {
  const opened = await source.open(name);
  if (!opened) return null;
  const { reader, ...file } = await readTensorTable(opened, name);
  if (then === 'go on') return { ...file, reader };
  await reader.close();
  return { ...file, reader: null };
}

/**
 * Reads the header of a safetensors file.
 *
 * @param name what failures call the file
 * @throws Refused with `bad-weights`; the file is closed then
 */
export async function readTensorTable(
  opened: OpenFile,
  name: string,
): Promise<CheckpointFile & { readonly reader: ByteReader }> {
  const reader = new ByteReader(opened);
  try {
    const first = await reader.read(LENGTH_BYTES);
    const length = await lengthOf(first, reader);
    const header = await reader.read(length);
    if (header.length < length)
      throw new BadHeader(`the file ends after ${header.length} bytes of ${length} of header`);
    return { ...parseHeader(header, reader.sizeBytes), name, dataStart: LENGTH_BYTES + length, reader };
  } catch (error) {
    await reader.close();
    throw error instanceof BadHeader ? badWeights(name, error.message) : error;
  }
}

/** The header's length, or, if the file has none, what it is instead. */
async function lengthOf(first: Uint8Array, reader: ByteReader): Promise<number> {
  try {
    return headerLength(first, reader.sizeBytes);
  } catch (error) {
    const rest = await reader.read(HEAD_BYTES);
    const isOther = mistakenFor(new Uint8Array([...first, ...rest]));
    throw isOther === null ? error : new BadHeader(isOther);
  }
}
