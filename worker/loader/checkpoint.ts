import { show } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import { ByteReader } from './byte-reader.ts';
import type { ModelSource } from './model-source.ts';
import { BadIndex, parseIndex, type ShardIndex } from './shard-index.ts';
import { BadHeader, headerLength, LENGTH_BYTES, parseHeader, type TensorTable } from './safetensors.ts';

const WHOLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';

/** A model's safetensors files: one, or the shards that an index names. */
export interface Checkpoint {
  readonly files: readonly CheckpointFile[];
  /** The file where a tensor must be, by the index; the only file where there is none. */
  fileOf(tensor: string): CheckpointFile | null;
  /** What to blame for a tensor that no file is said to hold. */
  readonly directory: string;
}

/** One file whose header was read. */
export interface CheckpointFile extends TensorTable {
  readonly name: string;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
  /** Stands at `dataStart` in a file of its own; null for a shard, which is opened again when its turn comes. */
  readonly reader: ByteReader | null;
}

/**
 * Finds a model's weights and reads the headers of all files, before any tensor is touched.
 *
 * @param wholeFile the file that holds them all, if there is one
 * @throws Refused with `download-failed` where there are no weights, `bad-weights` where a header or the index is wrong
 */
export async function openCheckpoint(source: ModelSource, wholeFile = WHOLE_FILE): Promise<Checkpoint> {
  const whole = await openFile(source, wholeFile, 'go on');
  if (whole) return { files: [whole], fileOf: () => whole, directory: wholeFile };

  const index = await source.text(INDEX_FILE);
  if (index === null) {
    const reason = `there is neither ${WHOLE_FILE} nor ${INDEX_FILE}`;
    throw new Refused({ code: 'download-failed', file: WHOLE_FILE, status: 404, reason });
  }
  return openShards(source, readIndex(index));
}

/** @throws Refused with `bad-weights` */
export function readIndex(text: string): ShardIndex {
  try {
    return parseIndex(text);
  } catch (error) {
    throw error instanceof BadIndex ? badWeights(INDEX_FILE, error.message) : error;
  }
}

async function openShards(source: ModelSource, { shardOf, totalBytes }: ShardIndex): Promise<Checkpoint> {
  const shards = new Map<string, CheckpointFile>();
  for (const name of new Set(shardOf.values())) {
    const shard = await openFile(source, name, 'close');
    if (!shard) throw badWeights(INDEX_FILE, `it names ${name}, which is not there`);
    shards.set(name, shard);
  }
  const files = [...shards.values()];
  refuseTwins(files);
  for (const [tensor, name] of shardOf) {
    if (!shards.get(name)?.tensors.has(tensor)) {
      throw badWeights(name, `it has no tensor ${show(tensor)}, which ${INDEX_FILE} places there`);
    }
  }
  const presentBytes = files.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  if (totalBytes !== null && totalBytes !== presentBytes) {
    const reason = `its total_size is ${totalBytes}, and the shards hold ${presentBytes} bytes of tensors`;
    throw badWeights(INDEX_FILE, reason);
  }
  return { files, fileOf: (tensor) => shards.get(shardOf.get(tensor) ?? '') ?? null, directory: INDEX_FILE };
}

/** Lets go of the files that are still open. */
export async function closeReaders({ files }: Checkpoint): Promise<void> {
  for (const { reader } of files) await reader?.close();
}

/** A reader that stands where the tensors' bytes begin: the one that has read the header, or a new one. */
export const readerOfData = async (source: ModelSource, file: CheckpointFile): Promise<ByteReader> =>
  file.reader ?? openData(source, file, 0);

/** A new reader that stands at byte `begin` of the tensors' bytes. */
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

async function openFile(
  source: ModelSource,
  name: string,
  then: 'go on' | 'close',
): Promise<CheckpointFile | null> {
  const opened = await source.open(name);
  if (!opened) return null;
  const reader = new ByteReader(opened);
  let keep = false;
  try {
    const length = headerLength(await reader.read(LENGTH_BYTES), reader.sizeBytes);
    const header = await reader.read(length);
    if (header.length < length)
      throw new BadHeader(`the file ends after ${header.length} bytes of ${length} of header`);
    const table = parseHeader(header, reader.sizeBytes);
    keep = then === 'go on';
    return { ...table, name, dataStart: LENGTH_BYTES + length, reader: keep ? reader : null };
  } catch (error) {
    throw error instanceof BadHeader ? badWeights(name, error.message) : error;
  } finally {
    if (!keep) await reader.close();
  }
}

function refuseTwins(shards: readonly CheckpointFile[]): void {
  const seen = new Map<string, string>();
  for (const shard of shards) {
    for (const tensor of shard.tensors.keys()) {
      const other = seen.get(tensor);
      if (other !== undefined) throw badWeights(shard.name, `tensor ${show(tensor)} is in ${other} too`);
      seen.set(tensor, shard.name);
    }
  }
}
