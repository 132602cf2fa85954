import { HEALED_ENDPOINT } from '../endpoint.ts';
import type { ExportedFile } from '../export/export-sink.ts';
import { RecordWriter } from '../hub/record-writer.ts';
import {
  FileRecords,
  RECORD_BYTES,
  rememberName,
  removeModel,
  writeListing,
  writeManifest,
  type StoredListing,
} from '../hub/records.ts';
import { Refused } from '../outcome.ts';
import type { HealHistory, StoredHealed } from '../protocol/heal.ts';
import { isFull } from '../storage/space.ts';
import { sha256 } from '../sha256.ts';

/** The longest that a repository's name may be, with some room. */
const LONGEST_NAME = 90;

/**
 * Stores a healed model as a download is stored, so that it is listed, loaded, checked and deleted as one. Its commit is
 * the digest of its history, so the same healing takes the same place.
 *
 * @param room how much more may be stored; null if the browser does not say
 * @throws Refused with `no-room`
 */
export async function storeHealed(
  files: readonly ExportedFile[],
  history: HealHistory,
  room: () => Promise<number | null>,
): Promise<StoredHealed> {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const available = await room();
  if (available !== null && available < bytes) throw noRoom(bytes, available);
  const commit = await sha256(JSON.stringify(history));
  const listing: StoredListing = {
    endpoint: HEALED_ENDPOINT,
    repository: `healed/${nameOf(history)}`,
    revision: commit,
    commit,
    files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes, sha256: null, gitBlobId: null })),
    recordBytes: RECORD_BYTES,
  };
  const { endpoint, repository } = listing;
  try {
    await removeModel(listing);
    await writeListing(listing);
    const digests = new Map<string, string>();
    for (const [i, file] of files.entries()) digests.set(file.name, await storeFile(listing, i, file));
    const nowMs = Date.now();
    const times = { storedAtMs: nowMs, checkedAtMs: nowMs };
    await writeManifest(listing, { ...times, repairedBytes: 0, damagedFile: null, digests });
    await rememberName(endpoint, repository, repository);
  } catch (error) {
    await removeModel(listing).catch(() => undefined); // half a model is of no use
    throw isFull(error) ? noRoom(bytes, 0) : error;
  }
  return { endpoint, repository, commit, bytes };
}

/** @returns the file's SHA-256 */
async function storeFile(listing: StoredListing, index: number, { chunks }: ExportedFile): Promise<string> {
  const listed = listing.files[index];
  if (!listed) throw new RangeError(`file ${index} of ${listing.files.length}`);
  const writer = await RecordWriter.resume(new FileRecords(listing, listed));
  for await (const chunk of chunks) await writer.add(chunk);
  await writer.written();
  return writer.digest();
}

/** What a server could call it: letters, digits, `-`, `_` and `.`, and no two dashes or dots in a row. */
function nameOf({ model, layer_types }: HealHistory): string {
  const plain = `${model.split('/').at(-1) ?? ''}-${layer_types}`
    .replace(/@.*-/, '-')
    .replace(/[^\w.-]+/g, '-')
    .replace(/([.-])[.-]+/g, '$1');
  return plain
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, LONGEST_NAME)
    .replace(/[^A-Za-z0-9_]+$/, '');
}

const noRoom = (neededBytes: number, availableBytes: number) =>
  new Refused({ code: 'no-room', neededBytes, availableBytes });
