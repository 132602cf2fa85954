/** SHA-256 that can be put aside and taken up again. The only importer of hash-wasm: WebCrypto hashes only wholes. */
import { createSHA256, type IHasher } from 'hash-wasm';

export class Sha256 {
  readonly #hasher: IHasher;

  private constructor(hasher: IHasher) {
    this.#hasher = hasher;
  }

  /** A hash of nothing yet. Its WebAssembly is small and comes with the script. */
  static async begin(): Promise<Sha256> {
    return new Sha256((await createSHA256()).init());
  }

  add(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** What {@link resume} goes on from: about 100 bytes. */
  save(): Uint8Array {
    return this.#hasher.save();
  }

  /** Goes on from where {@link save} was called. The state must be one that this library made. */
  resume(state: Uint8Array): void {
    this.#hasher.load(state);
  }

  /** The digest of all bytes so far, in lower-case hexadecimal. More may be added afterwards. */
  digest(): string {
    const state = this.save();
    const digest = this.#hasher.digest('hex');
    this.resume(state);
    return digest;
  }
}
