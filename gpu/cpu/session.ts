import { BackendError } from '../backend-error.ts';
import type {
  DecodeEnd,
  DecodeOptions,
  FeedOptions,
  PrefillOptions,
  Session,
  SessionOptions,
} from '../backend.ts';
import type { StoreRows } from '../kv/store-rows.ts';
import type { KvUsage } from '../kv/usage.ts';
import type { Decoder } from './decoder.ts';
import type { SamplingOptions } from '../plan/sampling.ts';
import { allFinite, firstNotFinite } from '../numbers/finite.ts';
import { probabilitiesOf } from './token-probabilities.ts';
import { sampleToken } from './sampler.ts';
import { alone, readTurns } from './read-turns.ts';
import { likelihoodOf } from './token-likelihood.ts';
import { yieldNowAndThen } from './yield-now-and-then.ts';

/** A text that a decoder on the processor writes: its tokens, sampling and stops. */
export class CpuSession implements Session {
  readonly #options: Pick<SessionOptions, 'sharing' | 'passes' | 'probabilities'>;
  readonly #closed: () => void;
  readonly #history: number[] = [];
  readonly #decoder: Decoder;
  #hidden: Float32Array = new Float32Array();

  constructor(
    decoder: Decoder,
    options: Pick<SessionOptions, 'sharing' | 'passes' | 'probabilities'>,
    closed: () => void,
  ) {
    this.#decoder = decoder;
    this.#options = options;
    this.#closed = closed;
  }

  get allocatedBytes(): number {
    return this.#decoder.allocatedBytes;
  }

  prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean> {
    const turn = { session: this, decoder: this.#decoder, tokens, options };
    return readTurns(alone(this.#decoder), this.#options, [turn], options);
  }

  /** Notes that a turn was read, which left this hidden state. */
  turnWasRead(tokens: readonly number[], hidden: Float32Array = this.#hidden): void {
    this.#hidden = hidden.slice();
    // A last token that was written but never fed has no place in the text unless the turn brings it.
    this.#history.length = this.#decoder.tokens - tokens.length;
    this.#history.push(...tokens);
    this.#decoder.stores.keep(this.#decoder.tokens);
  }

  async feed(tokens: readonly number[], options: FeedOptions): Promise<boolean> {
    const wanted = options.likelihoods?.wanted ?? [];
    let next = 0;
    for (const [index, token] of tokens.entries()) {
      await yieldNowAndThen();
      if (options.stopped()) return false;
      this.give(token);
      this.#feed(token);
      if (options.onLogits || wanted[next]?.position === index) {
        const logits = this.#decoder.logits(this.#hidden);
        this.checkFinite(logits);
        options.onLogits?.(index, logits);
        for (; wanted[next]?.position === index; next++) {
          options.likelihoods?.onLikelihood(next, likelihoodOf(logits, wanted[next]?.token ?? 0));
        }
      }
      await options.onFed?.(index);
    }
    return true;
  }

  #feed(token: number): void {
    this.#hidden = this.#decoder.feed(token);
    this.#decoder.stores.keep(this.#decoder.tokens);
  }

  async decode(options: DecodeOptions): Promise<DecodeEnd> {
    for (let newTokens = 0; newTokens < options.maxNewTokens; newTokens++) {
      await yieldNowAndThen();
      if (options.stopped()) return 'stopped';
      if (newTokens > 0) {
        this.#feed(this.#history.at(-1) ?? 0);
      }
      const logits = this.#decoder.logits(this.#hidden);
      const token = this.draw(logits, options.sampling);
      options.onToken(token, this.#options.probabilities ? probabilitiesOf(logits, token) : null);
      if (options.endTokens.has(token)) return 'end-of-text';
    }
    return 'length';
  }

  /** Takes a given token instead of one that is drawn. */
  give(token: number): void {
    this.#history.length = this.#decoder.tokens;
    this.#history.push(token);
  }

  /** The hidden state from which the next token is drawn. */
  get hidden(): Float32Array {
    return this.#hidden;
  }

  /** The token that was drawn last, if it was not fed yet. */
  get unfed(): number | null {
    return this.#history.length > this.#decoder.tokens ? (this.#history.at(-1) ?? null) : null;
  }

  /** Notes that {@link unfed} was fed together with other texts, which left this hidden state. */
  fed(hidden: Float32Array): void {
    this.#hidden = hidden;
    this.#decoder.stores.keep(this.#decoder.tokens);
  }

  /**
   * Draws the next token from the logits of the hidden state.
   *
   * @throws BackendError `not-finite`
   */
  draw(logits: Float32Array, sampling: SamplingOptions): number {
    this.checkFinite(logits);
    const token = sampleToken(logits, this.#history, this.#history.length, sampling);
    this.#history.push(token);
    return token;
  }

  /** @throws BackendError `not-finite` if the logits of the newest position are not */
  checkFinite(logits: Float32Array): void {
    if (!allFinite(logits)) throw this.notFinite(this.#decoder.tokens - 1, this.#history.at(-1) ?? 0);
  }

  /** The failure of a run whose logits at a position are not finite. Decodes the position once more to find out where. */
  notFinite(position: number, token: number): BackendError {
    this.#decoder.rewind(position);
    const states: Float32Array[] = [];
    this.#decoder.step(token, { onState: (hidden) => states.push(hidden.slice()) });
    return new BackendError({ code: 'not-finite', position, where: firstNotFinite(states) }, this);
  }

  rowsHeld(): Promise<readonly StoreRows[]> {
    return Promise.resolve(this.#decoder.rowsHeld());
  }

  rewind(tokens: number): boolean {
    return this.#decoder.rewind(tokens);
  }

  profileStep(): Promise<null> {
    return Promise.resolve(null);
  }

  kvUsage(): KvUsage {
    return this.#decoder.stores.usage();
  }

  get kvBytesInUse(): number {
    return this.#decoder.stores.bytesInUse;
  }

  close(): void {
    this.#decoder.close();
    this.#closed();
  }
}
