import type { Batch, BatchDecodeOptions, Continuation, DecodeEnd, Session, TextOptions } from '../backend.ts';

/** Texts whose sessions share nothing but the weights: one at a time, each decoded to its end. */
export class TextsInTurn implements Batch {
  /** A text that waits for the others would only take memory. */
  readonly places = 1;
  readonly mostPlaces = 1;
  readonly work = null;
  readonly #openSession: (text: TextOptions) => Promise<Session>;
  readonly #allocated: () => number;
  #session: Session | null = null;

  /** @param allocated bytes that the ledger counts for the sessions */
  constructor(openSession: (text: TextOptions) => Promise<Session>, allocated: () => number) {
    this.#openSession = openSession;
    this.#allocated = allocated;
  }

  get allocatedBytes(): number {
    return this.#allocated();
  }

  /** Texts share nothing but the weights. */
  sharedBytesFor(): number {
    return 0;
  }

  async open(options: TextOptions): Promise<Session> {
    return (this.#session = await this.#openSession(options));
  }

  async decode(
    [only, ...others]: readonly Continuation[],
    { stopped }: BatchDecodeOptions,
  ): Promise<readonly DecodeEnd[]> {
    if (!this.#session || only?.text !== this.#session || others.length > 0) {
      throw new Error('the batch has a single place, and this is not the text that has it');
    }
    const { sampling, maxNewTokens, endTokens, onToken } = only;
    return [await this.#session.decode({ sampling, maxNewTokens, endTokens, onToken, stopped })];
  }

  close(): void {
    // Closing a session twice frees nothing more.
    this.#session?.close();
  }
}
