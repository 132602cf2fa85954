import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { Sha256 } from '../../../worker/hub/digest.ts';
import { markAt, RecordWriter } from '../../../worker/hub/record-writer.ts';
import { FileRecords, storedBytesOf, totalBytesOf, type StoredListing } from '../../../worker/hub/records.ts';
import { openSpace, type Key } from '../../../worker/storage/space.ts';
import { sha256 } from '../../support/hub-server.ts';

const anything = (value: unknown): value is unknown => value !== undefined;
const spaceOf = (kind: string) => openSpace(`model-${kind}-1`, anything);
const kinds = ['listing', 'manifest', 'record', 'mark', 'copy', 'revision', 'name'];

beforeEach(async () => {
  for (const kind of kinds) await spaceOf(kind).remove();
});

const file = (name: string, sizeBytes: number) => ({ name, sizeBytes, sha256: null, gitBlobId: null });
const listing = (changes: Partial<StoredListing> = {}): StoredListing => ({
  endpoint: 'https://hub.example',
  repository: 'Owner/Model',
  revision: 'main',
  commit: 'c1',
  recordBytes: 10,
  files: [file('a.bin', 35), file('b.bin', 20)],
  ...changes,
});
const keyOf = ({ endpoint, repository, commit }: StoredListing): Key => [endpoint, repository, commit];

const bytes = Uint8Array.from({ length: 35 }, (_, i) => i + 1);
const fileOf = (of = listing(), name = 'a.bin', sizeBytes = 35) => new FileRecords(of, file(name, sizeBytes));

/** Writes all bytes of a file in pieces of this length. */
async function writeAll(records: FileRecords, content: Uint8Array, pieceBytes = content.length) {
  const writer = await RecordWriter.resume(records);
  for (let at = writer.position; at < content.length; at += pieceBytes)
    await writer.add(content.subarray(at, at + pieceBytes));
  await writer.written();
  return writer;
}

describe('The records of a file', () => {
  it('have one length, except for the last', () => {
    const records = fileOf();
    expect(records.count).toBe(4);
    expect([0, 1, 2, 3, 4, 5].map((index) => records.lengthOf(index))).toEqual([10, 10, 10, 5, 0, 0]);
    expect([0, 3].map((index) => [records.startOf(index), records.endOf(index)])).toEqual([
      [0, 10],
      [30, 35],
    ]);
  });

  it('are counted up to the first gap', async () => {
    const records = fileOf();
    expect(await records.stored()).toBe(0);
    expect(await records.storedBytes()).toBe(0);
    await writeAll(records, bytes);
    expect(await records.stored()).toBe(4);
    expect(await records.storedBytes()).toBe(35);
    await spaceOf('record').remove([...keyOf(listing()), 'a.bin', 1]);
    expect(await records.stored()).toBe(1);
    expect(await records.storedBytes()).toBe(10);
    await spaceOf('record').remove([...keyOf(listing()), 'a.bin', 0]);
    expect(await records.stored()).toBe(0);
  });

  it('are not counted beyond the end of the file', async () => {
    await writeAll(fileOf(), bytes);
    expect(await fileOf(listing(), 'a.bin', 20).stored()).toBe(2);
  });

  it('come back as written, and count as missing if their length is wrong', async () => {
    const records = fileOf();
    await writeAll(records, bytes, 7);
    expect(await records.read(0)).toEqual(bytes.slice(0, 10));
    expect(await records.read(3)).toEqual(bytes.slice(30));
    expect(await records.read(4)).toBeUndefined();
    await spaceOf('record').set([...keyOf(listing()), 'a.bin', 1], bytes.slice(0, 9));
    expect(await records.read(1)).toBeUndefined();
    await spaceOf('record').set([...keyOf(listing()), 'a.bin', 1], [...bytes.slice(0, 10)]);
    expect(await records.read(1)).toBeUndefined();
  });

  it('are removed with their marks, and those of other files stay', async () => {
    const [one, other] = [fileOf(), fileOf(listing(), 'b.bin', 20)];
    await writeAll(one, bytes);
    await writeAll(other, bytes.slice(0, 20));
    expect(await storedBytesOf(listing())).toBe(55);
    await one.remove();
    expect([await one.stored(), await one.mark(0)]).toEqual([0, undefined]);
    expect(await other.stored()).toBe(2);
    expect(await other.mark(1)).toMatchObject({ end: 20, digest: sha256(bytes.slice(0, 20)) });
    expect(await storedBytesOf(listing())).toBe(20);
    expect(totalBytesOf(listing())).toBe(55);
  });
});

describe('A writer of records', () => {
  it('knows its place in the file, and how many bytes are in no record yet', async () => {
    const writer = await RecordWriter.resume(fileOf());
    expect([writer.position, writer.unstoredBytes]).toEqual([0, 0]);
    await writer.add(bytes.subarray(0, 13));
    expect([writer.position, writer.unstoredBytes]).toEqual([13, 3]);
    expect(writer.digest()).toBe(sha256(bytes.slice(0, 10)));
    await writer.add(bytes.subarray(13));
    expect([writer.position, writer.unstoredBytes]).toEqual([35, 0]);
    expect(writer.digest()).toBe(sha256(bytes));
  });

  it('continues after the stored records, with their digest', async () => {
    const records = fileOf();
    const first = await RecordWriter.resume(records);
    await first.add(bytes.subarray(0, 24));
    await first.written();
    const next = await RecordWriter.resume(records);
    expect(next.position).toBe(20);
    expect(next.digest()).toBe(sha256(bytes.slice(0, 20)));
    await next.add(bytes.subarray(20));
    await next.written();
    expect(next.digest()).toBe(sha256(bytes));
    expect(await records.read(2)).toEqual(bytes.slice(20, 30));
  });

  it('starts from the beginning if the mark of the last record is lost', async () => {
    const records = fileOf();
    await writeAll(records, bytes);
    await spaceOf('mark').remove([...keyOf(listing()), 'a.bin', 3]);
    const writer = await RecordWriter.resume(records);
    expect(writer.position).toBe(0);
    expect(writer.digest()).toBe(sha256(new Uint8Array(0)));
  });

  it.each([
    ['text', 'text'],
    ['without an end', { digest: 'd', state: bytes }],
    ['with an end below zero', { end: -1, digest: 'd', state: bytes }],
    ['with a fractional end', { end: 1.5, digest: 'd', state: bytes }],
    ['with an end that is a string', { end: '35', digest: 'd', state: bytes }],
    ['without a digest', { end: 35, state: bytes }],
    ['without a state', { end: 35, digest: 'd' }],
  ])('treats a mark that is %s as lost', async (_, mark) => {
    const records = fileOf();
    await writeAll(records, bytes);
    await spaceOf('mark').set([...keyOf(listing()), 'a.bin', 3], mark);
    expect((await RecordWriter.resume(records)).position).toBe(0);
  });

  it('refuses bytes after the end of the file', async () => {
    const writer = await writeAll(fileOf(), bytes);
    await expect(writer.add(bytes.subarray(0, 1))).rejects.toThrow('a.bin has no more bytes');
    await writer.add(new Uint8Array(0));
    expect(writer.position).toBe(35);
  });

  it('lets the caller reuse the buffer after a write', async () => {
    const records = fileOf();
    const writer = await RecordWriter.resume(records);
    const buffer = new Uint8Array(5);
    for (let at = 0; at < 35; at += 5) {
      buffer.set(bytes.subarray(at, at + 5));
      await writer.add(buffer);
    }
    await writer.written();
    for (const [index, start] of [0, 10, 20, 30].entries())
      expect(await records.read(index)).toEqual(bytes.slice(start, start + 10));
  });

  it('fills two buffers by turns, so that memory does not grow with the file', async () => {
    const records = fileOf(listing(), 'a.bin', 50);
    const buffers: Uint8Array[] = [];
    records.write = (_, buffer) => {
      buffers.push(buffer);
      return Promise.resolve();
    };
    await writeAll(records, new Uint8Array(50), 7);
    expect(buffers).toHaveLength(5);
    expect(new Set(buffers).size).toBe(2);
    expect(buffers[0]).not.toBe(buffers[1]);
  });

  it('reports that a record could not be written', async () => {
    const records = fileOf();
    records.write = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    const writer = await RecordWriter.resume(records);
    await writer.add(bytes.subarray(0, 10));
    await expect(writer.written()).rejects.toThrow('full');
    await expect(writer.add(bytes.subarray(10, 20))).rejects.toThrow('full');
  });
});

it('A mark has the end, the digest so far and the state that hashing continues from', async () => {
  const [hash, next] = [await Sha256.create(), await Sha256.create()];
  hash.add(bytes.subarray(0, 10));
  const mark = markAt(10, hash);
  next.resume(mark.state);
  next.add(bytes.subarray(10));
  expect(mark).toMatchObject({ end: 10, digest: sha256(bytes.slice(0, 10)) });
  expect(next.digest()).toBe(sha256(bytes));
});
