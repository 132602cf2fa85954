/** One file from the network into records, hashed on its way; and a stored file read again. */
import { fetchBytes, type FetchOptions } from './fetch-bytes.ts';
import type { FileRecords, Mark } from './records.ts';
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
  const hash = await Sha256.begin();
  let index = await records.stored();
  if (index > 0) {
    const mark = await records.mark(index - 1);
    if (mark) hash.resume(mark.state);
    else {
      // Written together with its record: only a device that lost it can lack it.
      onBytes(-records.end(index - 1));
      index = 0;
    }
  }
  let filled = 0;
  // Two take turns, one being written while the other is filled; the last record has one as short as itself.
  const rooms: Uint8Array<ArrayBuffer>[] = [];
  const room = () => {
    const length = records.length(index);
    const used = rooms[index % 2];
    return used?.length === length ? used : (rooms[index % 2] = new Uint8Array(length));
  };
  let record = room();
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of fetchBytes(file, records.begin(index), file.sizeBytes, options)) {
      for (let taken = 0; taken < chunk.length;) {
        const part = chunk.subarray(taken, taken + record.length - filled);
        record.set(part, filled);
        filled += part.length;
        taken += part.length;
        onBytes(part.length);
        if (filled < record.length) continue;
        hash.add(record);
        // One record is written while the next one arrives.
        await writing;
        writing = records.write(index, record, markAt(records.end(index), hash));
        writing.catch(() => undefined); // it is awaited before the next one, or at the end
        index++;
        filled = 0;
        record = room();
      }
    }
    await writing;
  } catch (error) {
    onBytes(-filled);
    await writing; // where the device is full, that is why
    throw error;
  }
  return hash.digest();
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

const markAt = (end: number, hash: Sha256): Mark => ({ end, digest: hash.digest(), state: hash.save() });
