/** Downloads one file into records and hashes it; and verifies a stored file. */
import { fetchBytes, type FetchOptions } from './fetch-bytes.ts';
import { markAt, RecordWriter } from './record-writer.ts';
import type { FileRecords } from './records.ts';
import { Sha256 } from './digest.ts';

/** @param bytes how many more are stored; negative if some have to be fetched again */
export type OnBytes = (bytes: number) => void;

/**
 * Downloads what is missing of a file, after the last whole record.
 *
 * @returns SHA-256 of the whole file
 * @throws Refused as {@link fetchBytes} does, DOMException if the device is full
 */
export async function downloadFile(
  records: FileRecords,
  options: FetchOptions,
  onBytes: OnBytes,
): Promise<string> {
  const { file } = records;
  const storedBytes = await records.storedBytes();
  const writer = await RecordWriter.resume(records);
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
    await writer.written(); // throws the true reason if the device is full
    throw error;
  }
  return writer.digest();
}

/**
 * Reads all records of a file and compares each with its mark. It fetches one that is missing or differs again, once.
 *
 * @returns SHA-256 of the whole file as it is now, and how many bytes it fetched
 */
export async function checkFile(
  records: FileRecords,
  options: FetchOptions,
  onBytes: OnBytes,
): Promise<{ readonly digest: string; readonly repairedBytes: number }> {
  const hash = await Sha256.create();
  let repairedBytes = 0;
  for (let index = 0; index < records.count; index++) {
    await options.gate.pass();
    const before = hash.save();
    const mark = await records.mark(index);
    const bytes = await records.read(index);
    if (bytes) hash.add(bytes);
    if (!bytes || hash.digest() !== mark?.digest) {
      hash.resume(before);
      const fetched = await fetchRecord(records, index, options);
      hash.add(fetched);
      await records.write(index, fetched, markAt(records.endOf(index), hash));
      repairedBytes += fetched.length;
    }
    onBytes(records.lengthOf(index));
  }
  return { digest: hash.digest(), repairedBytes };
}

async function fetchRecord(
  records: FileRecords,
  index: number,
  options: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(records.lengthOf(index));
  let filled = 0;
  for await (const chunk of fetchBytes(records.file, records.startOf(index), records.endOf(index), options)) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}
