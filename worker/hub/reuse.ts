/** What a new commit has in common with one that is stored, taken from there: most commits leave the weights alone. */
import type { Gate } from './gate.ts';
import type { ListedFile } from './listing.ts';
import { allListings, FileRecords, type StoredListing } from './records.ts';
import { Sha256 } from './sha256.ts';
import type { OnBytes } from './store-file.ts';

/**
 * Copies a file's records, from the first one that is missing on, from another commit of the repository whose file has
 * the same digest. Ends early where a record there is missing or damaged: the rest has to come from the network.
 *
 * @throws Refused with `cancelled`, DOMException where the device is full
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
  const hash = await Sha256.begin();
  const begun = await to.stored();
  const last = begun > 0 ? await to.mark(begun - 1) : undefined;
  if (last) hash.resume(last.state);
  else if (begun > 0) return;
  for (let index = begun; index < to.count; index++) {
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
