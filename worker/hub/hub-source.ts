/** A repository's model for the loader: from this device, or straight from the network if it is not to be stored. */
import { fileText } from '../file-text.ts';
import type { ModelSource } from '../loader/model-source.ts';
import { Refused } from '../outcome.ts';
import type { HubModel } from '../protocol/load.ts';
import { copiesOn, type Device } from './copies.ts';
import { fetchBytes, type FetchOptions } from './fetch-bytes.ts';
import { Gate } from './gate.ts';
import { hubServer } from './hub-requests.ts';
import { storedListing } from './library.ts';
import { LARGEST_TEXT_BYTES, listModel } from './listing.ts';
import { FileRecords, listingOf, manifestOf, RECORD_BYTES, type StoredListing } from './records.ts';
import { GitBlobId, Sha256 } from './digest.ts';
import { lostRecord, storedBytes } from './stored-bytes.ts';

/**
 * Opens a model of the Hub. If it is to be kept, it comes from the device, without a request to anybody. Otherwise it
 * reads what is stored and fetches the rest, which it verifies at the end of each file.
 *
 * @param cancelled ends the requests
 * @param device    where copies of a stored model's weights may be kept; without it, none are
 * @throws Refused with `not-stored`, or as {@link listModel} does
 */
export async function openHubSource(
  model: HubModel,
  cancelled: AbortSignal,
  device?: Device,
): Promise<ModelSource> {
  const server = hubServer(model);
  if (model.keep) {
    const listing = await storedListing(server);
    if (!listing || !(await manifestOf(listing))) {
      throw new Refused({ code: 'not-stored', model: model.id });
    }
    const source = sourceOf(listing, null);
    return device ? { ...source, copies: copiesOn(listing, device) } : source;
  }
  const gate = new Gate();
  cancelled.addEventListener('abort', () => {
    gate.cancel();
  });
  const waiting = { gate, onWait: () => undefined };
  const listed = await listModel(server, waiting);
  const stored = await listingOf(listed).catch(() => undefined); // a browser that stores nothing
  const listing = { ...listed, recordBytes: stored?.recordBytes ?? RECORD_BYTES };
  return sourceOf(listing, {
    ...waiting,
    server: server.renamed(listing.repository),
    commit: listing.commit,
  });
}

/** @param network brings what is not stored; null if all is stored */
function sourceOf(listing: StoredListing, network: FetchOptions | null): ModelSource {
  const recordsOf = (name: string) => {
    const file = listing.files.find((listed) => listed.name === name);
    return file && new FileRecords(listing, file);
  };
  return {
    names: () => Promise.resolve(listing.files.map(({ name }) => name)),
    text: async (name) => {
      const records = recordsOf(name);
      if (!records) return null;
      const { sizeBytes } = records.file;
      if (sizeBytes > LARGEST_TEXT_BYTES) {
        const reason = `it has ${sizeBytes} bytes, more than ${LARGEST_TEXT_BYTES}`;
        throw new Refused({ code: 'download-failed', file: name, status: 0, reason });
      }
      return fileText(name, bytesFrom(records, 0, network));
    },
    open: (name, start = 0) => {
      const records = recordsOf(name);
      return Promise.resolve(
        records ? { sizeBytes: records.file.sizeBytes, chunks: bytesFrom(records, start, network) } : null,
      );
    },
  };
}

/** A file from byte `start` on: first its records, then the network. */
async function* bytesFrom(
  records: FileRecords,
  start: number,
  network: FetchOptions | null,
): AsyncGenerator<Uint8Array, void> {
  const stored = network ? await records.stored().catch(() => 0) : records.count;
  yield* storedBytes(records, start, stored);
  if (network && stored < records.count) yield* streamed(records, stored, start, network);
}

/** What is not stored of a file. Bytes before `start` are hashed, but not passed on. */
async function* streamed(
  records: FileRecords,
  stored: number,
  start: number,
  network: FetchOptions,
): AsyncGenerator<Uint8Array, void> {
  const { file } = records;
  const check = await checkAfter(records, stored);
  let position = records.startOf(stored);
  for await (const chunk of fetchBytes(file, position, file.sizeBytes, network)) {
    check?.add(chunk);
    const passed = Math.min(chunk.length, Math.max(0, start - position));
    position += chunk.length;
    if (position === file.sizeBytes && check && check.digest() !== (file.sha256 ?? file.gitBlobId)) {
      const reason = 'its digest is not the one that the server lists';
      throw new Refused({ code: 'damaged-file', file: file.name, reason });
    }
    if (passed < chunk.length) yield chunk.subarray(passed);
  }
}

/** The digest that the server lists for a file, continued after the stored records; null if it lists none. */
async function checkAfter(records: FileRecords, stored: number): Promise<Sha256 | GitBlobId | null> {
  const { sha256, gitBlobId, sizeBytes } = records.file;
  if (sha256 !== null) {
    const hash = await Sha256.create();
    if (stored === 0) return hash;
    const mark = await records.mark(stored - 1);
    if (!mark) throw await lostRecord(records, stored - 1);
    hash.resume(mark.state);
    return hash;
  }
  if (gitBlobId === null) return null;
  const id = await GitBlobId.create(sizeBytes);
  for await (const bytes of storedBytes(records, 0, stored)) id.add(bytes);
  return id;
}
