/**
 * How models lie on this device. Each file is a row of records of {@link RECORD_BYTES}; the last one is shorter. A
 * record is written together with its mark: the digest of the file up to the record's end, and the state from which
 * hashing continues. A listing says what belongs to a model and is written first. A manifest says that all of it is
 * there and is written last. Every key starts with server, repository and commit.
 */
import { isObject } from '../hostile-fields.ts';
import { openSpace, writeTogether, type Key } from '../storage/space.ts';
import type { ListedFile, Listing } from './listing.ts';
import type { HealedModel, StoredCopy, StoredKey } from '../protocol/hub.ts';

/** What a killed tab can cost. IndexedDB keeps values of this size in files. A multiple of SHA-256's block. */
export const RECORD_BYTES = 8 * 2 ** 20;

/** What we know of a file up to the end of a record. */
export interface Mark {
  /** Where the record ends, in bytes from the start of the file. */
  readonly end: number;
  /** SHA-256 of the file's bytes before `end`. */
  readonly digest: string;
  /** The state from which {@link Sha256} continues. */
  readonly state: Uint8Array;
}

export interface StoredListing extends Listing {
  readonly recordBytes: number;
  /** Absent for a download. */
  readonly healed?: HealedModel;
}

export interface Manifest {
  readonly storedAtMs: number;
  readonly checkedAtMs: number;
  /** Bytes that a check had to fetch again. */
  readonly repairedBytes: number;
  /** A file that a check found damaged; null if all are sound. */
  readonly damagedFile: string | null;
  /** SHA-256 of each file when it was stored. */
  readonly digests: ReadonlyMap<string, string>;
}

/** A file that was made from a model's own files and lies beside them. This entry is written when it is complete. */
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
/** Server, repository, revision → commit: what a revision stood for when it was stored. */
const revisions = openSpace('model-revision-1', isText);
/** Server, name in lower case → the repository's own name. A repository may have had other names before. */
const names = openSpace('model-name-1', isText);

const keyOf = ({ endpoint, repository, commit }: StoredKey): Key => [endpoint, repository, commit];

/**
 * The name under which a repository is stored: its own, if the server has said it for the name that was asked for.
 * Names that differ only in capitals are one.
 */
export async function storedName(endpoint: string, asked: string): Promise<string> {
  const lower = asked.toLowerCase();
  const remembered = await names.get([endpoint, lower]);
  if (remembered !== undefined) return remembered;
  // Models that an older version of the page has stored have no entry among the names.
  const stored = (await listings.keys([endpoint])).map(([, repository]) => String(repository));
  return stored.find((name) => name.toLowerCase() === lower) ?? asked;
}

/** Keeps a repository's own name for the name that was asked for. */
export const rememberName = (endpoint: string, asked: string, repository: string): Promise<void> =>
  names.set([endpoint, asked.toLowerCase()], repository);

/** The commit that a revision stood for when it was last stored. */
export const commitOf = (endpoint: string, repository: string, revision: string) =>
  revisions.get([endpoint, repository, revision]);

export const listingOf = (key: StoredKey) => listings.get(keyOf(key));
export const manifestOf = (key: StoredKey) => manifests.get(keyOf(key));

export const allListings = async (): Promise<readonly StoredListing[]> =>
  (await listings.entries()).flatMap(([key, listing]) =>
    // Under another key a model could stand in the list twice, and never be deleted.
    keyOf(listing).every((part, i) => part === key[i]) ? [listing] : [],
  );

/** The keys of the values among the listings that {@link allListings} leaves out. */
async function unreadableListings(): Promise<readonly Key[]> {
  const [keys, own] = await Promise.all([listings.keys(), allListings()]);
  const readable = new Set(own.map((listing) => JSON.stringify(keyOf(listing))));
  return keys.filter((key) => !readable.has(JSON.stringify(key)));
}

export const countUnreadableListings = async (): Promise<number> => (await unreadableListings()).length;

/** Removes those listings, and what is stored for the models that their keys name. */
export async function removeUnreadableListings(): Promise<void> {
  for (const key of await unreadableListings()) {
    // A shorter key may be the beginning of those of other models.
    const isModel = key.length === 3;
    for (const space of isModel ? [manifests, copies, records, marks] : []) await space.remove(key);
    await listings.removeOnly(key);
  }
}

/** Says what will be stored. */
export const writeListing = (listing: StoredListing) => listings.set(keyOf(listing), listing);

/** Says that all of a model is stored, and what its revision stands for from now on. */
export const writeManifest = (listing: StoredListing, manifest: Manifest) =>
  writeTogether([
    manifests.at(keyOf(listing), manifest),
    revisions.at([listing.endpoint, listing.repository, listing.revision], listing.commit),
  ]);

export const copyOf = (key: StoredKey, name: string) => copies.get([...keyOf(key), name]);

export const copiesOf = async (key: StoredKey): Promise<readonly RecordedCopy[]> =>
  (await copies.entries(keyOf(key))).map(([, copy]) => copy);

/** The records of a copy, stored or not. */
export const recordsOfCopy = (listing: StoredListing, copy: StoredCopy) =>
  new FileRecords(listing, { name: copy.name, sizeBytes: copy.sizeBytes, sha256: null, gitBlobId: null });

/** Says that all of a copy is stored. */
export const writeCopy = (key: StoredKey, copy: RecordedCopy) => copies.set([...keyOf(key), copy.name], copy);

/** Removes a copy, complete or not. */
export async function removeCopy(key: StoredKey, name: string): Promise<void> {
  for (const space of [copies, records, marks]) await space.remove([...keyOf(key), name]);
}

/** Removes a model, the listing last: after an interruption, the rest can still be found and removed. */
export async function removeModel(key: StoredKey): Promise<void> {
  for (const [revision, commit] of await revisions.entries([key.endpoint, key.repository])) {
    if (commit === key.commit) await revisions.remove(revision);
  }
  for (const space of [manifests, copies, records, marks, listings]) await space.remove(keyOf(key));
  if ((await listings.keys([key.endpoint, key.repository])).length > 0) return;
  for (const [name, repository] of await names.entries([key.endpoint])) {
    if (repository === key.repository) await names.remove(name);
  }
}

/** The records of one file. */
export class FileRecords {
  readonly model: StoredKey;
  readonly file: ListedFile;
  readonly recordBytes: number;
  readonly #key: Key;

  constructor(listing: StoredListing, file: ListedFile) {
    this.model = listing;
    this.file = file;
    this.recordBytes = listing.recordBytes;
    this.#key = [...keyOf(listing), file.name];
  }

  /** How many records the whole file has. */
  get count(): number {
    return Math.ceil(this.file.sizeBytes / this.recordBytes);
  }

  startOf(index: number): number {
    return index * this.recordBytes;
  }

  endOf(index: number): number {
    return Math.min(this.file.sizeBytes, this.startOf(index + 1));
  }

  /** 0 after the last record. */
  lengthOf(index: number): number {
    return Math.max(0, this.endOf(index) - this.startOf(index));
  }

  /** How many records are stored before the first gap. Reads keys only. */
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

  /** A record's bytes; undefined if they are missing or have the wrong length. */
  async read(index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await records.get([...this.#key, index]);
    return bytes?.length === this.lengthOf(index) ? bytes : undefined;
  }

  /** Stores a record and its mark, both or none. The bytes must not change until it resolves. */
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

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isMark(value: unknown): value is Mark {
  return (
    isObject(value) && isSize(value['end']) && isText(value['digest']) && value['state'] instanceof Uint8Array
  );
}

function isCopy(value: unknown): value is RecordedCopy {
  return isObject(value) && isText(value['name']) && isSize(value['sizeBytes']) && isText(value['digest']);
}

function isListing(value: unknown): value is StoredListing {
  return (
    isObject(value) &&
    ['endpoint', 'repository', 'revision', 'commit'].every((field) => isText(value[field])) &&
    isSize(value['recordBytes']) &&
    value['recordBytes'] > 0 &&
    (value['healed'] === undefined || isHealed(value['healed'])) &&
    Array.isArray(value['files']) &&
    value['files'].every(isListedFile)
  );
}

function isHealed(value: unknown): value is HealedModel {
  return (
    isObject(value) &&
    isText(value['model']) &&
    isText(value['layerTypes']) &&
    isSize(value['slidingWindow']) &&
    isSize(value['steps']) &&
    (value['bitsPerByte'] === null || typeof value['bitsPerByte'] === 'number') &&
    typeof value['onSample'] === 'boolean'
  );
}

function isListedFile(value: unknown): boolean {
  if (!isObject(value) || !isText(value['name']) || !isSize(value['sizeBytes'])) return false;
  // Older versions of the page have not stored the id of git.
  return [value['sha256'], value['gitBlobId'] ?? null].every((digest) => digest === null || isText(digest));
}

function isManifest(value: unknown): value is Manifest {
  if (!isObject(value)) return false;
  const { digests, damagedFile } = value;
  return (
    digests instanceof Map &&
    ['storedAtMs', 'checkedAtMs', 'repairedBytes'].every((field) => typeof value[field] === 'number') &&
    (damagedFile === null || isText(damagedFile))
  );
}
