import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileRecords, removeModel, writeListing, type StoredListing } from '../../../worker/hub/records.ts';
import { storedBytes } from '../../../worker/hub/stored-bytes.ts';
import { openSpace } from '../../../worker/storage/space.ts';
import { outcomeOf } from './scripted-door.ts';

const file = { name: 'a.bin', sizeBytes: 35, sha256: null, gitBlobId: null };
const listing: StoredListing = {
  ...{ endpoint: 'https://hub.example', repository: 'owner/model', revision: 'main', commit: 'c1' },
  ...{ recordBytes: 10, files: [file] },
};
const bytes = Array.from({ length: 35 }, (_, i) => i + 1);
const records = () => new FileRecords(listing, file);

beforeEach(async () => {
  await removeModel(listing);
  await writeListing(listing);
  for (let index = 0; index < 4; index++) {
    const part = Uint8Array.from(bytes.slice(10 * index, 10 * index + 10));
    await records().write(index, part, { end: 0, digest: '', state: new Uint8Array() });
  }
});

async function chunks(...[start, count]: [start: number, count?: number]) {
  const all: number[][] = [];
  for await (const chunk of storedBytes(records(), start, count)) all.push([...chunk]);
  return all;
}

const lose = (index: number) =>
  openSpace('model-record-1', (_): _ is unknown => true).remove([
    ...['https://hub.example', 'owner/model', 'c1', 'a.bin'],
    index,
  ]);

describe('The stored bytes of a file', () => {
  it.each([0, 1, 9, 10, 25, 34])('come from byte %i on', async (start) => {
    expect((await chunks(start)).flat()).toEqual(bytes.slice(start));
  });

  it('come record by record, and are none at the end of the file', async () => {
    expect((await chunks(7)).map(({ length }) => length)).toEqual([3, 10, 10, 5]);
    expect(await chunks(40)).toEqual([]);
  });

  it('end after the number of records that is asked for', async () => {
    expect((await chunks(5, 2)).flat()).toEqual(bytes.slice(5, 20));
    expect(await chunks(20, 2)).toEqual([]);
  });

  it('read one record ahead, and no more', async () => {
    const read: number[] = [];
    const observed = records();
    const original = observed.read.bind(observed);
    observed.read = (index) => {
      read.push(index);
      return original(index);
    };
    const reading = storedBytes(observed, 0);
    await reading.next();
    expect(read).toEqual([0, 1]);
    await reading.next();
    expect(read).toEqual([0, 1, 2]);
    await reading.next();
    await reading.next();
    await reading.next();
    expect(read).toEqual([0, 1, 2, 3]);
  });

  it('read nothing from the end on', async () => {
    const observed = records();
    observed.read = () => Promise.reject(new Error('nothing is needed'));
    expect((await storedBytes(observed, 40).next()).done).toBe(true);
    expect((await storedBytes(observed, 20, 2).next()).done).toBe(true);
  });

  it('are damaged if a record is missing, and the failure says which', async () => {
    await lose(2);
    expect(await outcomeOf(chunks(0))).toEqual({
      ...{ code: 'damaged-file', file: 'a.bin', reason: 'its stored part 3 is missing' },
    });
    expect((await chunks(0, 2)).flat()).toEqual(bytes.slice(0, 20));
  });

  it('are not stored any more if the model was deleted', async () => {
    await removeModel(listing);
    expect(await outcomeOf(chunks(0))).toEqual({ code: 'not-stored', model: 'owner/model' });
  });
});
