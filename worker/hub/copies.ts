/** Quantized copies that the loader makes of a stored model's weights, in records beside its files. */
import type { CopyWriter, ModelCopies } from '../loader/model-source.ts';
import { takeIfFree, type Locks } from './model-lock.ts';
import { RecordWriter } from './record-writer.ts';
import { Sha256 } from './digest.ts';
import { copiesOf, copyOf, recordsOfCopy, removeCopy, writeCopy, type StoredListing } from './records.ts';
import { storedBytes } from './stored-bytes.ts';

/** What copies need from the browser. */
export interface Device {
  readonly locks: Locks;
  /** How much more may be stored; null if the browser does not say. */
  readonly room: () => Promise<number | null>;
}

export const copiesOn = (listing: StoredListing, device: Device): ModelCopies => ({
  open: async (name, start = 0) => {
    const copy = await copyOf(listing, name);
    if (!copy) return null;
    const { sizeBytes } = copy;
    return { sizeBytes, chunks: storedBytes(recordsOfCopy(listing, copy), start) };
  },
  startCopy: async (name, sizeBytes) => {
    const available = await device.room();
    if (available !== null && available < sizeBytes) return null;
    const release = await takeIfFree(device.locks, listing);
    if (!release) return null;
    try {
      await removeCopy(listing, name);
      const writer = await RecordWriter.resume(recordsOfCopy(listing, { name, sizeBytes }));
      return new CopyInRecords(listing, name, sizeBytes, writer, release);
    } catch {
      release();
      return null;
    }
  },
  remove: (name) => removeCopy(listing, name),
});

/** Reads all copies of a model, and removes those that have changed. */
export async function checkCopies(listing: StoredListing): Promise<void> {
  for (const copy of await copiesOf(listing)) {
    const records = recordsOfCopy(listing, copy);
    const hash = await Sha256.create();
    for (let index = 0; index < records.count; index++) {
      const bytes = await records.read(index);
      if (bytes) hash.add(bytes);
    }
    if (hash.digest() !== copy.digest) await removeCopy(listing, copy.name);
  }
}

class CopyInRecords implements CopyWriter {
  readonly #listing: StoredListing;
  readonly #name: string;
  readonly #sizeBytes: number;
  readonly #writer: RecordWriter;
  readonly #release: () => void;
  #failed = false;

  constructor(
    listing: StoredListing,
    name: string,
    sizeBytes: number,
    writer: RecordWriter,
    release: () => void,
  ) {
    this.#listing = listing;
    this.#name = name;
    this.#sizeBytes = sizeBytes;
    this.#writer = writer;
    this.#release = release;
  }

  async add(bytes: Uint8Array): Promise<void> {
    if (this.#failed) return;
    try {
      await this.#writer.add(bytes);
    } catch {
      this.#failed = true; // most likely the device is full; the model itself is there all the same
    }
  }

  async end(): Promise<void> {
    try {
      const digest = await this.#wholeDigest();
      const [name, sizeBytes] = [this.#name, this.#sizeBytes];
      if (digest === null) await removeCopy(this.#listing, name);
      else await writeCopy(this.#listing, { name, sizeBytes, digest });
    } catch {
      // Nothing says that there is a copy, so its rest is removed by whoever looks for it.
    } finally {
      this.#release();
    }
  }

  /** Null if not all of it is stored. */
  async #wholeDigest(): Promise<string | null> {
    try {
      await this.#writer.written();
    } catch {
      return null;
    }
    return !this.#failed && this.#writer.position === this.#sizeBytes ? this.#writer.digest() : null;
  }
}
