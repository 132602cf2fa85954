import type {
  Batch,
  BatchDecodeOptions,
  BatchPrefillOptions,
  BatchTurn,
  Continuation,
  DecodeEnd,
  GivenTokens,
  Session,
  TextOptions,
} from '../backend.ts';

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

  prefill(turns: readonly BatchTurn[], options: BatchPrefillOptions): Promise<boolean> {
    const [{ tokens, ...turn }, session] = this.#only(turns);
    return session.prefill(tokens, { ...turn, ...options, logitsAt: [], onLogits: () => undefined });
  }

  feed(texts: readonly GivenTokens[], options: BatchDecodeOptions): Promise<boolean> {
    const [{ tokens, ...given }, session] = this.#only(texts);
    return session.feed(tokens, { ...given, ...options });
  }

  async decode(
    texts: readonly Continuation[],
    { stopped }: BatchDecodeOptions,
  ): Promise<readonly DecodeEnd[]> {
    const [{ sampling, maxNewTokens, endTokens, onToken }, session] = this.#only(texts);
    return [await session.decode({ sampling, maxNewTokens, endTokens, onToken, stopped })];
  }

  #only<T extends { readonly text: unknown }>([only, ...others]: readonly T[]): readonly [T, Session] {
    if (!this.#session || only?.text !== this.#session || others.length > 0) {
      throw new Error('the batch has a single place, and this is not the text that has it');
    }
    return [only, this.#session];
  }

  close(): void {
    // Closing a session twice frees nothing more.
    this.#session?.close();
  }
}
