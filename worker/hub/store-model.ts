/** All files of a model, stored and verified; and verified again. */
import { Refused } from '../outcome.ts';
import { isFull } from '../storage/space.ts';
import { checkCopies } from './copies.ts';
import type { FetchOptions } from './fetch-bytes.ts';
import type { ListedFile } from './listing.ts';
import {
  beginStoring,
  FileRecords,
  finishStoring,
  listingOf,
  manifestOf,
  removeModel,
  storedBytesOf,
  totalBytesOf,
  type Manifest,
  type StoredListing,
} from './records.ts';
import { reuseStored } from './reuse.ts';
import { checkFile, storeFile } from './store-file.ts';

export interface StoreOptions extends FetchOptions {
  /** How much more this browser will store; null where it does not say. */
  readonly room: () => Promise<number | null>;
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
}

/**
 * Stores what is missing of a model. What is stored before any failure stays, and the next call goes on from there.
 *
 * @throws Refused, with `no-room` before the first byte where it is clear that they will not fit
 */
export async function storeModel(wanted: StoredListing, options: StoreOptions): Promise<void> {
  const listing = await sameAsStored(wanted);
  const totalBytes = totalBytesOf(listing);
  let loadedBytes = await storedBytesOf(listing);
  const available = await options.room();
  if (available !== null && available < totalBytes - loadedBytes) {
    throw noRoom(totalBytes - loadedBytes, available);
  }
  await beginStoring(listing);
  options.onProgress(loadedBytes, totalBytes);
  const onBytes = (bytes: number) => {
    loadedBytes += bytes;
    options.onProgress(loadedBytes, totalBytes);
  };
  const digests = new Map<string, string>();
  try {
    for (const file of listing.files) {
      await reuseStored(listing, file, options.gate, onBytes);
      digests.set(file.name, await storeVerified(new FileRecords(listing, file), options, onBytes));
    }
    const nowMs = Date.now();
    const fresh = { storedAtMs: nowMs, checkedAtMs: nowMs, repairedBytes: 0, damagedFile: null };
    await finishStoring(listing, { ...fresh, digests });
  } catch (error) {
    if (!isFull(error)) throw error;
    // Whatever the browser said before, this is its last word.
    throw noRoom(totalBytes - (await storedBytesOf(listing)), 0);
  }
}

/** A file whose digest is not the server's is fetched again, once. */
async function storeVerified(
  records: FileRecords,
  options: StoreOptions,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const { sha256, name, sizeBytes } = records.file;
  for (let attempt = 0; ; attempt++) {
    const digest = await storeFile(records, options, onBytes);
    if (sha256 === null || digest === sha256) return digest;
    await records.remove();
    onBytes(-sizeBytes);
    if (attempt > 0) throw damaged(name);
  }
}

/**
 * Reads all of a stored model again, repairs what can be repaired, and writes down what was found.
 *
 * @throws Refused with `damaged-file` where a file stays other than its digest says, `not-stored`
 */
export async function checkModel(listing: StoredListing, options: StoreOptions): Promise<void> {
  const manifest = await manifestOf(listing);
  if (!manifest) throw new Refused({ code: 'not-stored', model: listing.repository });
  const totalBytes = totalBytesOf(listing);
  let checkedBytes = 0;
  let repairedBytes = 0;
  const tell = (found: Partial<Manifest>) => finishStoring(listing, { ...manifest, ...found });
  for (const file of listing.files) {
    const found = await checkFile(new FileRecords(listing, file), options, (bytes) => {
      checkedBytes += bytes;
      options.onProgress(checkedBytes, totalBytes);
    });
    repairedBytes += found.repairedBytes;
    if (found.digest !== manifest.digests.get(file.name)) {
      await tell({ damagedFile: file.name, repairedBytes });
      throw damaged(file.name);
    }
  }
  await checkCopies(listing);
  await tell({ checkedAtMs: Date.now(), damagedFile: null, repairedBytes });
}

/** The listing that is stored already, where it says the same; what was stored under another one is removed. */
async function sameAsStored(wanted: StoredListing): Promise<StoredListing> {
  const stored = await listingOf(wanted);
  if (!stored) return wanted;
  if (isSame(stored.files, wanted.files)) return { ...wanted, recordBytes: stored.recordBytes };
  await removeModel(stored);
  return wanted;
}

const isSame = (a: readonly ListedFile[], b: readonly ListedFile[]) =>
  a.length === b.length &&
  a.every(({ name, sizeBytes, sha256 }, index) => {
    const other = b[index];
    return other?.name === name && other.sizeBytes === sizeBytes && other.sha256 === sha256;
  });

const noRoom = (neededBytes: number, availableBytes: number) =>
  new Refused({ code: 'no-room', neededBytes, availableBytes });

const damaged = (file: string) =>
  new Refused({ code: 'damaged-file', file, reason: 'its digest is not what it must be' });
