/** One file from the network into records, hashed on its way; and a stored file read again. */
import { fetchBytes, type FetchOptions } from './fetch-bytes.ts';
import { markAt, RecordWriter } from './record-writer.ts';
import type { FileRecords } from './records.ts';
import { Sha256 } from './sha256.ts';

/** @param bytes how many more are stored: as they arrive, and less where they have to be fetched again */
export type OnBytes = (bytes: number) => void;

/**
 * Stores what is missing of a file, from the last whole record on.
 *
 * @returns the digest of the whole file
 * @throws Refused as {@link fetchBytes} does, DOMException where the device is full
 */
export async function storeFile(
  records: FileRecords,
  options: FetchOptions,
  onBytes: OnBytes,
): Promise<string> {
  const { file } = records;
  const storedBytes = await records.storedBytes();
  const writer = await RecordWriter.begin(records);
  if (writer.position < storedBytes) onBytes(writer.position - storedBytes);
  try {
    for await (const chunk of fetchBytes(file, writer.position, file.sizeBytes, options)) {
      const before = writer.position;
      try {
        await writer.add(chunk);
      } finally {
        onBytes(writer.position - before);
      }
    }
    await writer.written();
  } catch (error) {
    onBytes(-writer.unstoredBytes);
    await writer.written(); // where the device is full, that is why
    throw error;
  }
  return writer.digest();
}

/**
 * Reads all records of a file again and compares each with its mark. One that is missing or differs is fetched again,
 * once, and stored.
 *
 * @returns the digest of the whole file as it is now, and how many bytes were fetched for it
 */
export async function checkFile(
  records: FileRecords,
  options: FetchOptions,
  onBytes: OnBytes,
): Promise<{ readonly digest: string; readonly repairedBytes: number }> {
  const hash = await Sha256.begin();
  let repairedBytes = 0;
  for (let index = 0; index < records.count; index++) {
    await options.gate.pass();
    const before = hash.save();
    const mark = await records.mark(index);
    const bytes = await records.read(index);
    if (bytes) hash.add(bytes);
    if (!bytes || hash.digest() !== mark?.digest) {
      hash.resume(before);
      const fetched = await fetchWhole(records, index, options);
      hash.add(fetched);
      await records.write(index, fetched, markAt(records.end(index), hash));
      repairedBytes += fetched.length;
    }
    onBytes(records.length(index));
  }
  return { digest: hash.digest(), repairedBytes };
}

async function fetchWhole(
  records: FileRecords,
  index: number,
  options: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const begin = records.begin(index);
  const bytes = new Uint8Array(records.length(index));
  let filled = 0;
  for await (const chunk of fetchBytes(records.file, begin, records.end(index), options)) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}
