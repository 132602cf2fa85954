/** Digests of bytes that arrive in parts. The only importer of hash-wasm: WebCrypto cannot hash in parts. */
import { createSHA1, createSHA256, type IHasher } from 'hash-wasm';

export class Sha256 {
  readonly #hasher: IHasher;

  private constructor(hasher: IHasher) {
    this.#hasher = hasher;
  }

  /** The digest of no bytes yet. Its WebAssembly is small and part of the script. */
  static async create(): Promise<Sha256> {
    return new Sha256((await createSHA256()).init());
  }

  add(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** The state that {@link resume} continues from: about 100 bytes. */
  save(): Uint8Array {
    return this.#hasher.save();
  }

  /** Continues from a state that {@link save} returned. The state must come from this library. */
  resume(state: Uint8Array): void {
    this.#hasher.load(state);
  }

  /** The digest of all bytes so far, in lower-case hexadecimal. More bytes may follow. */
  digest(): string {
    const state = this.save();
    const digest = this.#hasher.digest('hex');
    this.resume(state);
    return digest;
  }
}

/**
 * The id that git gives to a file: the SHA-1 of `blob <size>`, a zero byte and the file's bytes. The Hub lists it for
 * files that are not in LFS.
 */
export class GitBlobId {
  readonly #hasher: IHasher;

  private constructor(hasher: IHasher) {
    this.#hasher = hasher;
  }

  static async create(sizeBytes: number): Promise<GitBlobId> {
    return new GitBlobId((await createSHA1()).init().update(`blob ${sizeBytes}\0`));
  }

  add(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** In lower-case hexadecimal. No bytes may follow. */
  digest(): string {
    return this.#hasher.digest('hex');
  }
}
