import type {
  Batch,
  BatchDecodeOptions,
  BatchOptions,
  BatchWork,
  Continuation,
  DecodeEnd,
  TextOptions,
} from '../backend.ts';
import type { Decoder, DecoderBatch } from './decoder.ts';
import { CpuSession, yieldNowAndThen } from './session.ts';

/** Texts that a processor writes together: each with its own caches, sampling, seed and end. */
export class CpuBatch implements Batch {
  readonly #decoders: DecoderBatch;
  readonly #options: BatchOptions;
  readonly #closed: () => void;
  readonly #open = new Map<CpuSession, Decoder>();

  constructor(decoders: DecoderBatch, options: BatchOptions, closed: () => void) {
    this.#decoders = decoders;
    this.#options = options;
    this.#closed = closed;
  }

  get places(): number {
    return this.#options.places;
  }

  get mostPlaces(): number {
    return Infinity;
  }

  get allocatedBytes(): number {
    return [...this.#open.keys()].reduce(
      (sum, { allocatedBytes }) => sum + allocatedBytes,
      this.#decoders.allocatedBytes,
    );
  }

  get work(): BatchWork | null {
    return this.#decoders.work;
  }

  sharedBytesFor(places: number): number {
    return this.#decoders.sharedBytesFor(places);
  }

  open(options: TextOptions): Promise<CpuSession> {
    if (this.#open.size >= this.#options.places) throw new Error('every place of the batch is taken');
    const decoder = this.#decoders.open(options);
    const text = new CpuSession(decoder, this.#options, () => this.#open.delete(text));
    this.#open.set(text, decoder);
    return Promise.resolve(text);
  }

  async decode(
    texts: readonly Continuation[],
    { stopped }: BatchDecodeOptions,
  ): Promise<readonly (DecodeEnd | null)[]> {
    const sessions = texts.map(({ text }) => this.#sessionOf(text));
    const ends: (DecodeEnd | null)[] = texts.map(() => null);
    for (let drawn = 1; !ends.some((end) => end !== null); drawn++) {
      await yieldNowAndThen();
      if (stopped()) return ends.map(() => 'stopped');
      this.#feed(sessions);
      const hidden = sessions.map((session) => session.hidden);
      this.#decoders.logitsOf(hidden, (i, logits) => {
        const [session, text] = [sessions[i], texts[i]];
        if (!session || !text) return;
        const token = session.draw(logits, text.sampling);
        text.onToken(token);
        if (text.endTokens.has(token)) ends[i] = 'end-of-text';
        else if (drawn === text.maxNewTokens) ends[i] = 'length';
      });
    }
    return ends;
  }

  /** Feeds the last token of each text. One that was just prefilled has none that is not fed. */
  #feed(sessions: readonly CpuSession[]): void {
    const fed = sessions.flatMap((session) => {
      const [token, decoder] = [session.unfed, this.#open.get(session)];
      return token === null || !decoder ? [] : [{ session, decoder, token }];
    });
    const hidden = this.#decoders.feed(fed);
    for (const [i, { session }] of fed.entries()) session.fed(hidden[i] ?? session.hidden);
  }

  #sessionOf(text: Continuation['text']): CpuSession {
    const session = [...this.#open.keys()].find((each) => each === text);
    if (!session) throw new Error('the text is not of this batch, or closed');
    return session;
  }

  close(): void {
    for (const text of this.#open.keys()) text.close();
    this.#decoders.close();
    this.#closed();
  }
}
