import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  allListings,
  commitOf,
  copiesOf,
  copyOf,
  countUnreadableListings,
  FileRecords,
  listingOf,
  manifestOf,
  recordsOfCopy,
  rememberName,
  removeCopy,
  removeModel,
  removeUnreadableListings,
  storedName,
  writeCopy,
  writeListing,
  writeManifest,
  type Manifest,
  type StoredListing,
} from '../../../worker/hub/records.ts';
import { openSpace, type Key } from '../../../worker/storage/space.ts';

const spaceOf = (kind: string) =>
  openSpace(`model-${kind}-1`, (value): value is unknown => value !== undefined);
const kinds = ['listing', 'manifest', 'record', 'mark', 'copy', 'revision', 'name'];

beforeEach(async () => {
  for (const kind of kinds) await spaceOf(kind).remove();
});

const ENDPOINT = 'https://hub.example';
const file = { name: 'a.bin', sizeBytes: 5, sha256: null, gitBlobId: 'b10b' };
const listing = (changes: Partial<StoredListing> = {}): StoredListing => ({
  endpoint: ENDPOINT,
  repository: 'Owner/Model',
  revision: 'main',
  commit: 'c1',
  recordBytes: 10,
  files: [file],
  ...changes,
});
const manifest: Manifest = {
  storedAtMs: 1,
  checkedAtMs: 2,
  repairedBytes: 3,
  damagedFile: null,
  digests: new Map([['a.bin', 'd1']]),
};
const copy = { name: 'q8', sizeBytes: 7, digest: 'd2' };
const keyOf = ({ endpoint, repository, commit }: StoredListing): Key => [endpoint, repository, commit];

/** Stores a whole model: listing, a record with its mark, manifest, copy and name. */
async function store(of: StoredListing) {
  await writeListing(of);
  const mark = { end: 5, digest: 'd', state: new Uint8Array(1) };
  await new FileRecords(of, file).write(0, new Uint8Array(5), mark);
  await recordsOfCopy(of, copy).write(0, new Uint8Array(7), mark);
  await writeCopy(of, copy);
  await writeManifest(of, manifest);
  await rememberName(of.endpoint, of.repository, of.repository);
}

/** The number of entries of each space, in the order of `kinds`. */
const counts = () => Promise.all(kinds.map(async (kind) => (await spaceOf(kind).keys()).length));

describe('A stored model', () => {
  it('is found by server, repository and commit', async () => {
    await store(listing());
    expect(await listingOf(listing())).toEqual(listing());
    expect(await manifestOf(listing())).toEqual(manifest);
    expect(await copyOf(listing(), 'q8')).toEqual(copy);
    expect(await copiesOf(listing())).toEqual([copy]);
    expect(await commitOf(ENDPOINT, 'Owner/Model', 'main')).toBe('c1');
    for (const other of [
      { endpoint: 'https://x.example' },
      { repository: 'Owner/Other' },
      { commit: 'c2' },
    ]) {
      expect(await listingOf(listing(other))).toBeUndefined();
      expect(await manifestOf(listing(other))).toBeUndefined();
      expect(await copiesOf(listing(other))).toEqual([]);
    }
    expect(await commitOf(ENDPOINT, 'Owner/Model', 'dev')).toBeUndefined();
  });

  it('is removed with everything that belongs to it, and no other model is', async () => {
    const others = [
      listing({ endpoint: 'https://x.example' }),
      listing({ repository: 'Owner/Model-2' }),
      listing({ repository: 'Owner/Another' }),
    ];
    for (const other of others) await store(other);
    const before = await counts();
    await store(listing());
    expect(await counts()).toEqual([4, 4, 8, 8, 4, 4, 4]);
    await removeModel(listing());
    expect(await counts()).toEqual(before);
    expect(await listingOf(listing())).toBeUndefined();
    expect(await commitOf(ENDPOINT, 'Owner/Model', 'main')).toBeUndefined();
    for (const other of others) {
      expect(await listingOf(other)).toEqual(other);
      expect(await storedName(other.endpoint, other.repository.toUpperCase())).toBe(other.repository);
    }
  });

  it('keeps its name and the newer commit of its revision if an older commit is removed', async () => {
    await store(listing());
    await store(listing({ commit: 'c2' }));
    await removeModel(listing());
    expect(await commitOf(ENDPOINT, 'Owner/Model', 'main')).toBe('c2');
    expect(await storedName(ENDPOINT, 'owner/model')).toBe('Owner/Model');
    expect(await allListings()).toEqual([listing({ commit: 'c2' })]);
  });

  it('loses a copy with its records, and keeps its own files and other copies', async () => {
    await store(listing());
    await writeCopy(listing(), { ...copy, name: 'q4' });
    await removeCopy(listing(), 'q8');
    expect((await copiesOf(listing())).map(({ name }) => name)).toEqual(['q4']);
    expect(await recordsOfCopy(listing(), copy).stored()).toBe(0);
    expect(await new FileRecords(listing(), file).stored()).toBe(1);
    expect(await new FileRecords(listing(), file).mark(0)).toMatchObject({ end: 5 });
  });
});

describe('The name of a repository', () => {
  it('is the one that the server uses, whatever the capitals', async () => {
    await rememberName(ENDPOINT, 'Old/Name', 'New/Name');
    expect(await storedName(ENDPOINT, 'old/NAME')).toBe('New/Name');
    expect(await storedName('https://x.example', 'old/name')).toBe('old/name');
  });

  it('is the stored one if an older version of the page recorded none', async () => {
    await writeListing(listing({ repository: 'Owner/Another' }));
    await writeListing(listing());
    expect(await storedName(ENDPOINT, 'owner/MODEL')).toBe('Owner/Model');
    expect(await storedName(ENDPOINT, 'owner/missing')).toBe('owner/missing');
  });

  it('is not taken from a model of another server', async () => {
    await writeListing(listing({ endpoint: 'https://x.example' }));
    expect(await storedName(ENDPOINT, 'owner/MODEL')).toBe('owner/MODEL');
  });

  it('is forgotten with its last model, and so are its former names', async () => {
    await store(listing());
    await store(listing({ commit: 'c2' }));
    await rememberName(ENDPOINT, 'former/name', 'Owner/Model');
    await rememberName(ENDPOINT, 'other/name', 'Owner/Other');
    await removeModel(listing());
    expect(await storedName(ENDPOINT, 'former/name')).toBe('Owner/Model');
    await removeModel(listing({ commit: 'c2' }));
    expect(await storedName(ENDPOINT, 'former/name')).toBe('former/name');
    expect(await storedName(ENDPOINT, 'other/name')).toBe('Owner/Other');
  });
});

describe('What an older version or another program left', () => {
  it.each([
    ['a string', 'listing'],
    ['null', null],
    ['a server that is not a string', { ...listing(), endpoint: 1 }],
    ['no repository', { ...listing(), repository: undefined }],
    ['no revision', { ...listing(), revision: null }],
    ['a commit that is not a string', { ...listing(), commit: 7 }],
    ['records of zero bytes', { ...listing(), recordBytes: 0 }],
    ['records of fractional length', { ...listing(), recordBytes: 1.5 }],
    ['records whose length is a string', { ...listing(), recordBytes: '10' }],
    ['no files', { ...listing(), files: undefined }],
    ['files that are not an array', { ...listing(), files: { length: 0 } }],
    ['a file that is a string', { ...listing(), files: [file, 'a.bin'] }],
    ['a file without a name', { ...listing(), files: [{ ...file, name: undefined }] }],
    ['a file of negative size', { ...listing(), files: [{ ...file, sizeBytes: -1 }] }],
    ['a file whose size is NaN', { ...listing(), files: [{ ...file, sizeBytes: NaN }] }],
    ['a digest that is a number', { ...listing(), files: [{ ...file, sha256: 5 }] }],
    ['no digest', { ...listing(), files: [{ ...file, sha256: undefined }] }],
    ['a Git object id that is a number', { ...listing(), files: [{ ...file, gitBlobId: 5 }] }],
  ])('is not a listing with %s', async (_, value) => {
    await spaceOf('listing').set(keyOf(listing()), value);
    expect(await listingOf(listing())).toBeUndefined();
    expect(await allListings()).toEqual([]);
  });

  it('is not listed under another key than its own, but counted', async () => {
    await spaceOf('listing').set(keyOf(listing()), listing());
    await spaceOf('listing').set(keyOf({ ...listing(), commit: 'other' }), listing());
    expect(await allListings()).toEqual([listing()]);
    expect(await countUnreadableListings()).toBe(1);
  });

  it('can be deleted if it cannot be read, and costs no other model anything', async () => {
    await store(listing());
    const before = await counts();
    const damaged = listing({ commit: 'c2' });
    await store(damaged);
    await spaceOf('revision').remove([ENDPOINT, 'Owner/Model', 'main']);
    await spaceOf('revision').set([ENDPOINT, 'Owner/Model', 'main'], 'c1');
    await spaceOf('listing').set(keyOf(damaged), { ...damaged, files: 'none' });
    // Beginnings of the sound model's key.
    await spaceOf('listing').set([ENDPOINT], 'edited by hand');
    await spaceOf('listing').set([ENDPOINT, 'Owner/Model'], null);
    await spaceOf('listing').set([...keyOf(listing()), 'a.bin', 0], listing());
    expect(await countUnreadableListings()).toBe(4);
    await removeUnreadableListings();
    expect(await countUnreadableListings()).toBe(0);
    expect(await counts()).toEqual(before);
    expect(await allListings()).toEqual([listing()]);
    expect(await manifestOf(listing())).toEqual(manifest);
  });

  it.each([
    ['a digest', [{ ...file, sha256: 'd1' }]],
    ['an empty file', [{ ...file, sizeBytes: 0 }]],
    ['no Git object id, as from older versions', [{ name: 'a.bin', sizeBytes: 5, sha256: null }]],
    ['no files', []],
  ])('is a listing with %s', async (_, files) => {
    await spaceOf('listing').set(keyOf(listing()), { ...listing(), files });
    expect(await listingOf(listing())).toMatchObject({ files });
  });

  it.each([
    ['a string', 'manifest'],
    ['digests that are not a map', { ...manifest, digests: { 'a.bin': 'd1' } }],
    ['no time of storing', { ...manifest, storedAtMs: undefined }],
    ['no time of checking', { ...manifest, checkedAtMs: null }],
    ['repaired bytes that are a string', { ...manifest, repairedBytes: '3' }],
    ['a damaged file that is a number', { ...manifest, damagedFile: 1 }],
    ['no field for a damaged file', { ...manifest, damagedFile: undefined }],
  ])('is not a manifest with %s', async (_, value) => {
    await spaceOf('manifest').set(keyOf(listing()), value);
    expect(await manifestOf(listing())).toBeUndefined();
  });

  it('is a manifest with a damaged file', async () => {
    await spaceOf('manifest').set(keyOf(listing()), { ...manifest, damagedFile: 'a.bin' });
    expect(await manifestOf(listing())).toMatchObject({ damagedFile: 'a.bin' });
  });

  it.each([
    ['a string', 'copy'],
    ['no name', { ...copy, name: undefined }],
    ['a size that is a string', { ...copy, sizeBytes: '7' }],
    ['no digest', { ...copy, digest: null }],
  ])('is not a copy with %s', async (_, value) => {
    await spaceOf('copy').set([...keyOf(listing()), 'q8'], value);
    expect(await copyOf(listing(), 'q8')).toBeUndefined();
  });
});
