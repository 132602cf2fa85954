import { Refused } from '../outcome.ts';
import { listingOf, type FileRecords } from './records.ts';

/**
 * The first `count` records of a file, from byte `start` on. While one is in use, the next one is being read.
 *
 * @throws Refused with `damaged-file` if one of them is missing, or with `not-stored` if the whole model is
 */
export async function* storedBytes(
  records: FileRecords,
  start: number,
  count = records.count,
): AsyncGenerator<Uint8Array, void> {
  let position = start;
  const first = Math.floor(start / records.recordBytes);
  let reading = first < count ? records.read(first) : null;
  for (let index = first; index < count; index++) {
    const bytes = await reading;
    if (!bytes) throw await lostRecord(records, index);
    reading = index + 1 < count ? records.read(index + 1) : null;
    reading?.catch(() => undefined); // nobody waits for it if the loop ends early
    yield bytes.subarray(position - records.startOf(index));
    position = records.endOf(index);
  }
}

/** The text that bytes in UTF-8 are. */
export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const text = new TextDecoder();
  const parts: string[] = [];
  for await (const bytes of chunks) parts.push(text.decode(bytes, { stream: true }));
  return parts.join('') + text.decode();
}

export async function lostRecord({ file, model }: FileRecords, index: number): Promise<Refused> {
  // Another tab may have deleted the model, or the person the site's data.
  if (!(await listingOf(model))) return new Refused({ code: 'not-stored', model: model.repository });
  const reason = `its stored part ${index + 1} is missing`;
  return new Refused({ code: 'damaged-file', file: file.name, reason });
}
