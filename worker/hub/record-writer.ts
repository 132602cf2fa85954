import type { FileRecords, Mark } from './records.ts';
import { Sha256 } from './digest.ts';

/** Writes a file's records in order and hashes them: while one is being written, the next one fills. */
export class RecordWriter {
  readonly #records: FileRecords;
  readonly #hash: Sha256;
  /** Two buffers take turns: one is being written while the other one fills. The last record has a shorter one. */
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  #index: number;
  #record: Uint8Array<ArrayBuffer>;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(records: FileRecords, hash: Sha256, index: number) {
    this.#records = records;
    this.#hash = hash;
    this.#index = index;
    this.#record = this.#buffer();
  }

  /** Continues after the records that are stored; from the start if the mark of the last one is lost. */
  static async resume(records: FileRecords): Promise<RecordWriter> {
    const hash = await Sha256.create();
    const stored = await records.stored();
    // A mark is written together with its record. It can only be missing if the device lost it.
    const mark = stored > 0 ? await records.mark(stored - 1) : undefined;
    if (mark) hash.resume(mark.state);
    return new RecordWriter(records, hash, mark ? stored : 0);
  }

  /** Where in the file the next byte goes. */
  get position(): number {
    return Math.min(this.#records.file.sizeBytes, this.#records.startOf(this.#index) + this.#filled);
  }

  /** How many of the bytes are not in a whole record yet. */
  get unstoredBytes(): number {
    return this.#filled;
  }

  /**
   * Takes the next bytes. The caller may reuse their buffer when it resolves.
   *
   * @throws RangeError after the end of the file, DOMException if the device is full
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

  /** Waits for the record that is being written. @throws DOMException if the device is full */
  written(): Promise<void> {
    return this.#writing;
  }

  /** SHA-256 of all bytes in whole records, in lower-case hexadecimal. */
  digest(): string {
    return this.#hash.digest();
  }

  async #next(): Promise<void> {
    this.#hash.add(this.#record);
    await this.#writing;
    const end = this.#records.endOf(this.#index);
    this.#writing = this.#records.write(this.#index, this.#record, markAt(end, this.#hash));
    this.#writing.catch(() => undefined); // the next call awaits it, or written()
    this.#index++;
    this.#filled = 0;
    this.#record = this.#buffer();
  }

  #buffer(): Uint8Array<ArrayBuffer> {
    const turn = this.#index % 2;
    const length = this.#records.lengthOf(this.#index);
    const used = this.#buffers[turn];
    return used?.length === length ? used : (this.#buffers[turn] = new Uint8Array(length));
  }
}

export const markAt = (end: number, hash: Sha256): Mark => ({
  end,
  digest: hash.digest(),
  state: hash.save(),
});
