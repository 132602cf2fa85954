import type {
  Batch,
  BatchDecodeOptions,
  BatchOptions,
  BatchPrefillOptions,
  BatchTurn,
  BatchWork,
  Continuation,
  DecodeEnd,
  GivenTokens,
  TextOptions,
} from '../backend.ts';
import type { Decoder, DecoderBatch } from './decoder.ts';
import { readTurns } from './read-turns.ts';
import { CpuSession } from './session.ts';
import { likelihoodOf } from './token-likelihood.ts';
import { yieldNowAndThen } from './yield-now-and-then.ts';

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

  prefill(turns: readonly BatchTurn[], options: BatchPrefillOptions): Promise<boolean> {
    const read = turns.map(({ text, tokens, ...asked }) => {
      const session = this.#sessionOf(text);
      return { session, decoder: this.#decoderOf(session), tokens, options: asked };
    });
    return readTurns(this.#decoders, this.#options, read, options);
  }

  async feed(texts: readonly GivenTokens[], { stopped }: BatchDecodeOptions): Promise<boolean> {
    const lines = texts.map((given) => ({ ...given, session: this.#sessionOf(given.text), next: 0 }));
    const length = lines[0]?.tokens.length ?? 0;
    if (lines.some(({ tokens }) => tokens.length !== length)) {
      throw new Error('all texts are fed the same number of tokens');
    }
    for (let index = 0; index < length; index++) {
      await yieldNowAndThen();
      if (stopped()) return false;
      for (const { session, tokens } of lines) session.give(tokens[index] ?? 0);
      this.#feed(lines.map(({ session }) => session));
      const wanted = lines.filter(({ likelihoods, next }) => likelihoods?.wanted[next]?.position === index);
      const hidden = wanted.map(({ session }) => session.hidden);
      if (hidden.length === 0) continue;
      this.#decoders.logitsOf(hidden, (i, logits) => {
        const line = wanted[i];
        if (!line) return;
        const { session, likelihoods } = line;
        session.checkFinite(logits);
        for (; likelihoods?.wanted[line.next]?.position === index; line.next++) {
          const token = likelihoods.wanted[line.next]?.token ?? 0;
          likelihoods.onLikelihood(line.next, likelihoodOf(logits, token));
        }
      });
    }
    return true;
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

  #decoderOf(session: CpuSession): Decoder {
    const decoder = this.#open.get(session);
    if (!decoder) throw new Error('the text is closed');
    return decoder;
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
