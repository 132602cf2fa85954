/** Takes the files that a new commit shares with a stored one from there: most commits do not change the weights. */
import type { Gate } from './gate.ts';
import type { ListedFile } from './listing.ts';
import { allListings, FileRecords, type StoredListing } from './records.ts';
import { Sha256 } from './digest.ts';
import type { OnBytes } from './store-file.ts';

/**
 * Copies a file's missing records from another commit of the repository whose file has the same digest. Stops at a
 * record that is missing or damaged there: the rest has to come from the network.
 *
 * @throws Refused with `cancelled`, DOMException if the device is full
 */
export async function reuseStored(
  listing: StoredListing,
  file: ListedFile,
  gate: Gate,
  onBytes: OnBytes,
): Promise<void> {
  const twin = await twinOf(listing, file);
  if (!twin) return;
  const [from, to] = [new FileRecords(twin, file), new FileRecords(listing, file)];
  const hash = await Sha256.create();
  const stored = await to.stored();
  const last = stored > 0 ? await to.mark(stored - 1) : undefined;
  if (last) hash.resume(last.state);
  else if (stored > 0) return;
  for (let index = stored; index < to.count; index++) {
    await gate.pass();
    const [bytes, mark] = await Promise.all([from.read(index), from.mark(index)]);
    if (!bytes || !mark) return;
    hash.add(bytes);
    if (hash.digest() !== mark.digest) return;
    await to.write(index, bytes, mark);
    onBytes(bytes.length);
  }
}

/** Another stored commit with the same file, by the server's own digest. */
async function twinOf(listing: StoredListing, { name, sizeBytes, sha256 }: ListedFile) {
  if (sha256 === null) return undefined;
  const others = (await allListings()).filter(
    ({ endpoint, repository, commit, recordBytes }) =>
      endpoint === listing.endpoint &&
      repository === listing.repository &&
      commit !== listing.commit &&
      recordBytes === listing.recordBytes,
  );
  return others.find(({ files }) =>
    files.some((file) => file.name === name && file.sizeBytes === sizeBytes && file.sha256 === sha256),
  );
}
