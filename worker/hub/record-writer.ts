import type { FileRecords, Mark } from './records.ts';
import { Sha256 } from './sha256.ts';

/** Fills the records of a file in order, hashed on their way: one is written while the next one is filled. */
export class RecordWriter {
  readonly #records: FileRecords;
  readonly #hash: Sha256;
  /** Two take turns, one being written while the other is filled; the last record has one as short as itself. */
  readonly #rooms: Uint8Array<ArrayBuffer>[] = [];
  #index: number;
  #record: Uint8Array<ArrayBuffer>;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(records: FileRecords, hash: Sha256, index: number) {
    this.#records = records;
    this.#hash = hash;
    this.#index = index;
    this.#record = this.#room();
  }

  /** Stands after the records that are stored already, or at the beginning where the last one's mark is lost. */
  static async begin(records: FileRecords): Promise<RecordWriter> {
    const hash = await Sha256.begin();
    const stored = await records.stored();
    // Written together with its record: only a device that lost it can lack it.
    const mark = stored > 0 ? await records.mark(stored - 1) : undefined;
    if (mark) hash.resume(mark.state);
    return new RecordWriter(records, hash, mark ? stored : 0);
  }

  /** Where in the file the next byte goes. */
  get position(): number {
    return Math.min(this.#records.file.sizeBytes, this.#records.begin(this.#index) + this.#filled);
  }

  /** How many bytes were taken that are in no whole record yet. */
  get unstoredBytes(): number {
    return this.#filled;
  }

  /**
   * Takes the next bytes, which may be used again when it resolves.
   *
   * @throws RangeError where they are more than the file has, DOMException where the device is full
   */
  async add(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.length;) {
      if (this.#record.length === 0) throw new RangeError(`${this.#records.file.name} has no more bytes`);
      const part = bytes.subarray(taken, taken + this.#record.length - this.#filled);
      this.#record.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === this.#record.length) await this.#next();
    }
  }

  /** Waits for the record that is being written. @throws DOMException where the device is full */
  written(): Promise<void> {
    return this.#writing;
  }

  /** Of all bytes in whole records, in lower-case hexadecimal. */
  digest(): string {
    return this.#hash.digest();
  }

  async #next(): Promise<void> {
    this.#hash.add(this.#record);
    await this.#writing;
    const end = this.#records.end(this.#index);
    this.#writing = this.#records.write(this.#index, this.#record, markAt(end, this.#hash));
    this.#writing.catch(() => undefined); // it is awaited before the next one, or at the end
    this.#index++;
    this.#filled = 0;
    this.#record = this.#room();
  }

  #room(): Uint8Array<ArrayBuffer> {
    const turn = this.#index % 2;
    const length = this.#records.length(this.#index);
    const used = this.#rooms[turn];
    return used?.length === length ? used : (this.#rooms[turn] = new Uint8Array(length));
  }
}

export const markAt = (end: number, hash: Sha256): Mark => ({
  end,
  digest: hash.digest(),
  state: hash.save(),
});
