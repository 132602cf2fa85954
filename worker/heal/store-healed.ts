import { HEALED_ENDPOINT } from '../endpoint.ts';
import type { ExportedFile } from '../export/export-sink.ts';
import { DEFAULT_REVISION } from '../hub/address.ts';
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
import type { HealedModel } from '../protocol/hub.ts';
import { isFull } from '../storage/space.ts';
import { sha256 } from '../sha256.ts';
import type { HealedFiles } from './healed-files.ts';

/** The longest that a repository's name may be, with some room. */
const LONGEST_NAME = 90;

/**
 * Stores a healed model as a download is stored, so that it is listed, loaded, checked and deleted as one. Its commit is
 * the digest of its history, so the same healing takes the same place. The name without a commit is the newest healing of
 * the model under the plan.
 *
 * @param room how much more may be stored; null if the browser does not say
 * @throws Refused with `no-room`
 */
export async function storeHealed(
  { files, history, onSample }: Pick<HealedFiles, 'files' | 'history' | 'onSample'>,
  room: () => Promise<number | null>,
): Promise<StoredHealed> {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const available = await room();
  if (available !== null && available < bytes) throw noRoom(bytes, available);
  const commit = await sha256(JSON.stringify(history));
  const last = history.bits_per_byte.at(-1);
  const healed: HealedModel = {
    model: history.model,
    layerTypes: history.layer_types,
    slidingWindow: history.sliding_window,
    steps: history.steps_done,
    // An earlier reading is not of these weights.
    bitsPerByte: last?.step === history.steps_done ? last.bitsPerByte : null,
    onSample,
  };
  const listing: StoredListing = {
    endpoint: HEALED_ENDPOINT,
    repository: `healed/${nameOf(history)}`,
    ...{ revision: DEFAULT_REVISION, commit },
    files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes, sha256: null, gitBlobId: null })),
    ...{ recordBytes: RECORD_BYTES, healed },
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
