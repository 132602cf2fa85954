import { Refused } from '../outcome.ts';
import type { FileRecords } from './records.ts';

/**
 * The first `count` records of a file, from byte `begin` on; the next one is being read while one is used.
 *
 * @throws Refused with `damaged-file` where one of them is missing
 */
export async function* storedBytes(
  records: FileRecords,
  begin: number,
  count = records.count,
): AsyncGenerator<Uint8Array, void> {
  let position = begin;
  const first = Math.floor(begin / records.recordBytes);
  let reading = first < count ? records.read(first) : null;
  for (let index = first; index < count; index++) {
    const bytes = await reading;
    if (!bytes) throw lostRecord(records, index);
    reading = index + 1 < count ? records.read(index + 1) : null;
    reading?.catch(() => undefined); // who stops early does not wait for it
    yield bytes.subarray(position - records.begin(index));
    position = records.end(index);
  }
}

export const lostRecord = ({ file }: FileRecords, index: number) =>
  new Refused({ code: 'damaged-file', file: file.name, reason: `its stored part ${index + 1} is missing` });
