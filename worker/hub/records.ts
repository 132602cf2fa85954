/**
 * How models lie on this device: every file in records of {@link RECORD_BYTES}, the last one shorter, each written
 * together with a mark, which holds the digest of the file up to there and the state from which hashing goes on. A
 * listing says what belongs to a model and is written first; the manifest says that all of it is there, and is written
 * last. Everything is keyed by server, repository and commit.
 */
import { isObject } from '../hostile-fields.ts';
import { openSpace, writeTogether, type Key } from '../storage/space.ts';
import type { ListedFile, Listing } from './listing.ts';
import type { StoredCopy, StoredKey } from '../protocol/hub.ts';

/** What a kill can cost; IndexedDB handles values of this size as files of its own. A multiple of SHA-256's block. */
export const RECORD_BYTES = 8 * 2 ** 20;

/** What is known of a file up to the end of a record. */
export interface Mark {
  /** The record's bytes end here, counted from the beginning of the file. */
  readonly end: number;
  /** SHA-256 of the file's bytes before `end`. */
  readonly digest: string;
  /** From which {@link Sha256} goes on. */
  readonly state: Uint8Array;
}

export interface StoredListing extends Listing {
  readonly recordBytes: number;
}

export interface Manifest {
  readonly storedAtMs: number;
  readonly checkedAtMs: number;
  /** Bytes that a check had to fetch again. */
  readonly repairedBytes: number;
  /** A file that a check found damaged; null where all are sound. */
  readonly damagedFile: string | null;
  /** Digest of each file: the server's, or the one of its first download. */
  readonly digests: ReadonlyMap<string, string>;
}

/** A file that was made of a model's own and lies beside them, in records too. Written when it is whole. */
export interface RecordedCopy extends StoredCopy {
  readonly digest: string;
}

const listings = openSpace('model-listing-1', isListing);
const manifests = openSpace('model-manifest-1', isManifest);
const records = openSpace('model-record-1', (value): value is Uint8Array<ArrayBuffer> => {
  return value instanceof Uint8Array;
});
const marks = openSpace('model-mark-1', isMark);
const copies = openSpace('model-copy-1', isCopy);
/** Server, repository, revision → commit: what a revision was when it was stored. */
const revisions = openSpace('model-revision-1', (value): value is string => typeof value === 'string');

const keyOf = ({ endpoint, repository, commit }: StoredKey): Key => [endpoint, repository, commit];

/** The commit that a revision stood for when it was last stored. */
export const commitOf = (endpoint: string, repository: string, revision: string) =>
  revisions.get([endpoint, repository, revision]);

export const listingOf = (key: StoredKey) => listings.get(keyOf(key));
export const manifestOf = (key: StoredKey) => manifests.get(keyOf(key));

export const allListings = async (): Promise<readonly StoredListing[]> =>
  (await listings.entries()).map(([, listing]) => listing);

/** Writes down what is about to be stored. */
export const beginStoring = (listing: StoredListing) => listings.set(keyOf(listing), listing);

/** Says that all of a model is stored, and what its revision stands for from now on. */
export const finishStoring = (listing: StoredListing, manifest: Manifest) =>
  writeTogether([
    manifests.at(keyOf(listing), manifest),
    revisions.at([listing.endpoint, listing.repository, listing.revision], listing.commit),
  ]);

export const copyOf = (key: StoredKey, name: string) => copies.get([...keyOf(key), name]);

export const copiesOf = async (key: StoredKey): Promise<readonly RecordedCopy[]> =>
  (await copies.entries(keyOf(key))).map(([, copy]) => copy);

/** The records of a copy, whether they are there or not. */
export const recordsOfCopy = (listing: StoredListing, copy: StoredCopy) =>
  new FileRecords(listing, { name: copy.name, sizeBytes: copy.sizeBytes, sha256: null });

/** Says that all of a copy is stored. */
export const finishCopy = (key: StoredKey, copy: RecordedCopy) =>
  copies.set([...keyOf(key), copy.name], copy);

/** Removes a copy, or what an interruption left of one. */
export async function removeCopy(key: StoredKey, name: string): Promise<void> {
  for (const space of [copies, records, marks]) await space.remove([...keyOf(key), name]);
}

/** Removes a model, the listing last: where this is interrupted, what is left can still be found and removed. */
export async function removeModel(key: StoredKey): Promise<void> {
  for (const [revision, commit] of await revisions.entries([key.endpoint, key.repository])) {
    if (commit === key.commit) await revisions.remove(revision);
  }
  for (const space of [manifests, copies, records, marks, listings]) await space.remove(keyOf(key));
}

/** The records of one file. */
export class FileRecords {
  readonly file: ListedFile;
  readonly recordBytes: number;
  readonly #key: Key;

  constructor(listing: StoredListing, file: ListedFile) {
    this.file = file;
    this.recordBytes = listing.recordBytes;
    this.#key = [...keyOf(listing), file.name];
  }

  /** How many records the whole file has. */
  get count(): number {
    return Math.ceil(this.file.sizeBytes / this.recordBytes);
  }

  begin(index: number): number {
    return index * this.recordBytes;
  }

  end(index: number): number {
    return Math.min(this.file.sizeBytes, this.begin(index + 1));
  }

  /** A record's length; 0 after the last one. */
  length(index: number): number {
    return Math.max(0, this.end(index) - this.begin(index));
  }

  /** Number of records, from the first on, that are there without a gap. Reads keys alone. */
  async stored(): Promise<number> {
    const found = new Set((await records.keys(this.#key)).map((key) => key.at(-1)));
    let count = 0;
    while (found.has(count)) count++;
    return Math.min(count, this.count);
  }

  async storedBytes(): Promise<number> {
    return Math.min(this.file.sizeBytes, (await this.stored()) * this.recordBytes);
  }

  mark(index: number): Promise<Mark | undefined> {
    return marks.get([...this.#key, index]);
  }

  /** A record's bytes; undefined where they are missing, or not as many as there must be. */
  async read(index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await records.get([...this.#key, index]);
    return bytes?.length === this.length(index) ? bytes : undefined;
  }

  /** Stores a record and its mark, both or none. The bytes must stay as they are until it resolves. */
  write(index: number, bytes: Uint8Array<ArrayBuffer>, mark: Mark): Promise<void> {
    const key = [...this.#key, index];
    return writeTogether([records.at(key, bytes), marks.at(key, mark)]);
  }

  async remove(): Promise<void> {
    await marks.remove(this.#key);
    await records.remove(this.#key);
  }
}

export async function storedBytesOf(listing: StoredListing): Promise<number> {
  const each = await Promise.all(listing.files.map((file) => new FileRecords(listing, file).storedBytes()));
  return each.reduce((sum, bytes) => sum + bytes, 0);
}

export const totalBytesOf = ({ files }: Listing) => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

function isMark(value: unknown): value is Mark {
  return (
    isObject(value) &&
    typeof value['end'] === 'number' &&
    typeof value['digest'] === 'string' &&
    value['state'] instanceof Uint8Array
  );
}

function isCopy(value: unknown): value is RecordedCopy {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['sizeBytes'] === 'number';
}

function isListing(value: unknown): value is StoredListing {
  return isObject(value) && Array.isArray(value['files']) && typeof value['recordBytes'] === 'number';
}

function isManifest(value: unknown): value is Manifest {
  return isObject(value) && value['digests'] instanceof Map && typeof value['storedAtMs'] === 'number';
}
