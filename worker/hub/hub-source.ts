/** A repository's model for the loader: from this device, or as it comes where it shall not be stored. */
import type { ModelSource } from '../loader/model-source.ts';
import { Refused } from '../outcome.ts';
import type { HubModel } from '../protocol/load.ts';
import { copiesOn, type Device } from './copies.ts';
import { fetchBytes, type FetchOptions } from './fetch-bytes.ts';
import { Gate } from './gate.ts';
import { hubServer } from './hub-requests.ts';
import { storedListing } from './library.ts';
import { listModel } from './listing.ts';
import { FileRecords, listingOf, manifestOf, RECORD_BYTES, type StoredListing } from './records.ts';
import { Sha256 } from './sha256.ts';
import { lostRecord, storedBytes } from './stored-bytes.ts';

/** A text of more bytes is no configuration and no tokenizer. */
const LARGEST_TEXT_BYTES = 128 * 2 ** 20;

/**
 * Opens a model of the Hub. Where it shall be kept, it is read from the device, without a request to anybody; else what
 * is stored of it is read and the rest fetched, and verified at its end.
 *
 * @param cancelled ends the requests
 * @param device    where copies of a stored model's weights may be kept; absent: none are
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
  const listed = { ...(await listModel(server, waiting)), recordBytes: RECORD_BYTES };
  // Where nothing can be stored, nothing is.
  const stored = await listingOf(listed).catch(() => undefined);
  const listing = stored ?? listed;
  return sourceOf(listing, { ...waiting, server, commit: listing.commit });
}

/** @param network where what is not stored comes from; null where all is stored */
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
      const text = new TextDecoder();
      const parts: string[] = [];
      for await (const bytes of bytesFrom(records, 0, network))
        parts.push(text.decode(bytes, { stream: true }));
      return parts.join('') + text.decode();
    },
    open: (name, begin = 0) => {
      const records = recordsOf(name);
      return Promise.resolve(
        records ? { sizeBytes: records.file.sizeBytes, chunks: bytesFrom(records, begin, network) } : null,
      );
    },
  };
}

/** A file from byte `begin` on: first its records, then the network. */
async function* bytesFrom(
  records: FileRecords,
  begin: number,
  network: FetchOptions | null,
): AsyncGenerator<Uint8Array, void> {
  const stored = network ? await records.stored().catch(() => 0) : records.count;
  yield* storedBytes(records, begin, stored);
  if (network && stored < records.count) yield* streamed(records, stored, begin, network);
}

/** What is not stored of a file, hashed from its last record on; bytes before `begin` are hashed and passed over. */
async function* streamed(
  records: FileRecords,
  stored: number,
  begin: number,
  network: FetchOptions,
): AsyncGenerator<Uint8Array, void> {
  const { file } = records;
  const hash = await Sha256.begin();
  if (stored > 0) {
    const mark = await records.mark(stored - 1);
    if (!mark) throw lostRecord(records, stored - 1);
    hash.resume(mark.state);
  }
  let position = records.begin(stored);
  for await (const chunk of fetchBytes(file, position, file.sizeBytes, network)) {
    hash.add(chunk);
    const passed = Math.min(chunk.length, Math.max(0, begin - position));
    position += chunk.length;
    if (position === file.sizeBytes && file.sha256 !== null && hash.digest() !== file.sha256) {
      throw new Refused({
        code: 'damaged-file',
        file: file.name,
        reason: 'its digest is not what the server says',
      });
    }
    if (passed < chunk.length) yield chunk.subarray(passed);
  }
}
