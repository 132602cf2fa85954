/** Stores and verifies all files of a model; and verifies a stored model again. */
import { HEALED_ENDPOINT } from '../endpoint.ts';
import { attempt, Refused } from '../outcome.ts';
import { isFull } from '../storage/space.ts';
import { checkCopies } from './copies.ts';
import { GitBlobId } from './digest.ts';
import type { FetchOptions } from './fetch-bytes.ts';
import type { ListedFile } from './listing.ts';
import {
  FileRecords,
  listingOf,
  manifestOf,
  removeModel,
  storedBytesOf,
  totalBytesOf,
  writeListing,
  writeManifest,
  type Manifest,
  type StoredListing,
} from './records.ts';
import { reuseStored } from './reuse.ts';
import { checkFile, downloadFile } from './store-file.ts';
import { storedBytes, textOf } from './stored-bytes.ts';

export interface StoreOptions extends FetchOptions {
  /** How much more this browser will store; null if it does not say. */
  readonly room: () => Promise<number | null>;
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
}

/**
 * Stores what is missing of a model. After a failure, what is stored stays, and the next call continues from there.
 *
 * @throws Refused; with `no-room` before the first byte if the browser says that there is not enough room
 */
export async function storeModel(wanted: StoredListing, options: StoreOptions): Promise<void> {
  const listing = await sameAsStored(wanted);
  const totalBytes = totalBytesOf(listing);
  let loadedBytes = await storedBytesOf(listing);
  const available = await options.room();
  if (available !== null && available < totalBytes - loadedBytes) {
    throw noRoom(totalBytes - loadedBytes, available);
  }
  await writeListing(listing);
  options.onProgress(loadedBytes, totalBytes);
  const onBytes = (bytes: number) => {
    loadedBytes += bytes;
    options.onProgress(loadedBytes, totalBytes);
  };
  const digests = new Map<string, string>();
  try {
    for (const file of listing.files) {
      await reuseStored(listing, file, options.gate, onBytes);
      const records = new FileRecords(listing, file);
      digests.set(file.name, await storeVerified(records, options, onBytes));
      if (file.name === 'config.json') await refuseHopelessModel(listing, records);
    }
    // If the database has been deleted meanwhile, so has every record in it.
    if ((await storedBytesOf(listing)) < totalBytes) throw new Refused({ code: 'storage-lost' });
    const nowMs = Date.now();
    const fresh = { storedAtMs: nowMs, checkedAtMs: nowMs, repairedBytes: 0, damagedFile: null };
    await writeManifest(listing, { ...fresh, digests });
  } catch (error) {
    if (!isFull(error)) throw error;
    // The browser may have promised more room, but the failed write counts.
    throw noRoom(totalBytes - (await storedBytesOf(listing)), 0);
  }
}

/** Refuses a model that kvtab cannot run before its weights are downloaded, and keeps nothing of it. */
async function refuseHopelessModel(listing: StoredListing, records: FileRecords): Promise<void> {
  const { refuseHopeless } = await import('../loader/hopeless-config.ts');
  const config = await textOf(storedBytes(records, 0));
  const refused = attempt(() => refuseHopeless(config));
  if (refused.ok) return;
  await removeModel(listing);
  throw new Refused(refused.failure);
}

/**
 * Downloads a file, again if its digest is not the server's. A second wrong one is the server's fault.
 *
 * @returns SHA-256 of the file
 */
async function storeVerified(
  records: FileRecords,
  options: StoreOptions,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const { name, sizeBytes } = records.file;
  for (let attempt = 0; ; attempt++) {
    const digest = await downloadFile(records, options, onBytes);
    if (await isWhatIsListed(records, digest)) return digest;
    await records.remove();
    onBytes(-sizeBytes);
    if (attempt > 0) throw damaged(name);
  }
}

/** Compares a stored file with the digest that the server lists for it, if there is one. */
async function isWhatIsListed(records: FileRecords, digest: string): Promise<boolean> {
  const { sha256, gitBlobId, sizeBytes } = records.file;
  if (sha256 !== null) return digest === sha256;
  if (gitBlobId === null) return true;
  const id = await GitBlobId.create(sizeBytes);
  for await (const bytes of storedBytes(records, 0)) id.add(bytes);
  return id.digest() === gitBlobId;
}

/**
 * Reads all of a stored model, repairs what it can, and keeps the result.
 *
 * @throws Refused with `damaged-file` if the digest of a file is still wrong, or with `not-stored`
 */
export async function checkModel(listing: StoredListing, options: StoreOptions): Promise<void> {
  const manifest = await manifestOf(listing);
  if (!manifest) throw new Refused({ code: 'not-stored', model: listing.repository });
  const totalBytes = totalBytesOf(listing);
  let checkedBytes = 0;
  let repairedBytes = 0;
  const update = (found: Partial<Manifest>) => writeManifest(listing, { ...manifest, ...found });
  for (const file of listing.files) {
    const found = await checkFile(new FileRecords(listing, file), options, (bytes) => {
      checkedBytes += bytes;
      options.onProgress(checkedBytes, totalBytes);
    }).catch(async (error: unknown) => {
      if (listing.endpoint !== HEALED_ENDPOINT || !(error instanceof Refused)) throw error;
      if (error.failure.code !== 'not-stored') throw error;
      await update({ damagedFile: file.name, repairedBytes });
      throw damaged(file.name, 'it was healed on this device, so there is no other copy');
    });
    repairedBytes += found.repairedBytes;
    if (found.digest !== manifest.digests.get(file.name)) {
      await update({ damagedFile: file.name, repairedBytes });
      throw damaged(file.name);
    }
  }
  await checkCopies(listing);
  await update({ checkedAtMs: Date.now(), damagedFile: null, repairedBytes });
}

/** The stored listing if it lists the same files. Otherwise it removes what was stored, which is of other files. */
async function sameAsStored(wanted: StoredListing): Promise<StoredListing> {
  const stored = await listingOf(wanted);
  if (!stored) return wanted;
  if (isSame(stored.files, wanted.files)) return { ...wanted, recordBytes: stored.recordBytes };
  await removeModel(stored);
  return wanted;
}

const isSame = (a: readonly ListedFile[], b: readonly ListedFile[]) =>
  a.length === b.length &&
  a.every((file, index) => {
    const other = b[index];
    return (
      other?.name === file.name &&
      other.sizeBytes === file.sizeBytes &&
      other.sha256 === file.sha256 &&
      // Listings of older versions of the page have none.
      (file.gitBlobId ?? other.gitBlobId) === (other.gitBlobId ?? file.gitBlobId)
    );
  });

const noRoom = (neededBytes: number, availableBytes: number) =>
  new Refused({ code: 'no-room', neededBytes, availableBytes });

const damaged = (file: string, reason = 'its digest is not the one that the server lists') =>
  new Refused({ code: 'damaged-file', file, reason });
