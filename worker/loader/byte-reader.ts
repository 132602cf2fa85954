import type { OpenFile } from './model-source.ts';

/** Reads a file in pieces of any size, independent of the size of its chunks. */
export class ByteReader {
  readonly sizeBytes: number | null;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #position: number;

  /** @param begin the byte of the file that `file` was opened at */
  constructor(file: OpenFile, begin = 0) {
    this.sizeBytes = file.sizeBytes;
    this.#position = begin;
    this.#chunks = file.chunks;
  }

  /** The next byte's position in the file. */
  get position(): number {
    return this.#position;
  }

  /** The next `count` bytes in a buffer of their own, or as many as the file still has. */
  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count && (await this.#more())) {
      const part = this.#take(count - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes.subarray(0, filled);
  }

  /** Skips `count` bytes, or to the end of the file; returns how many there were. */
  async skip(count: number): Promise<number> {
    let skipped = 0;
    while (skipped < count && (await this.#more())) skipped += this.#take(count - skipped).length;
    return skipped;
  }

  /** Closes the file. */
  async close(): Promise<void> {
    this.#chunk = new Uint8Array();
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }

  #take(atMost: number): Uint8Array {
    const part = this.#chunk.subarray(0, atMost);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#position += part.length;
    return part;
  }
}
