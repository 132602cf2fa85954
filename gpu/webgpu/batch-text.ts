import type { BatchText, PrefillOptions } from '../backend.ts';
import type { KvUsage } from '../kv/usage.ts';
import { BackendError } from '../backend-error.ts';
import type { TurnToRead } from './prefill.ts';
import type { SessionBuffers } from './session-buffers.ts';
import type { GpuSession } from './session.ts';

/** A text in one of the places of a batch. */
export class PlacedText implements BatchText {
  readonly place: number;
  readonly #session: GpuSession;
  /** Those of the batch, as this text sees them. */
  readonly buffers: SessionBuffers;
  readonly #onPrefilled: (place: number) => void;
  readonly #onClose: () => void;
  #promptTokens = 0;
  #steps = 0;
  #passedOn = 0;
  #drawn: number[] = [];

  /**
   * @param onPrefilled hears that the hidden state of a prompt lies in the first row
   * @param onClose     makes the place free
   */
  constructor(
    session: GpuSession,
    buffers: SessionBuffers,
    onPrefilled: (place: number) => void,
    onClose: () => void,
  ) {
    this.place = buffers.place;
    this.#session = session;
    this.buffers = buffers;
    this.#onPrefilled = onPrefilled;
    this.#onClose = onClose;
  }

  async prefill(tokens: readonly number[], options: PrefillOptions): Promise<boolean> {
    const finished = await this.#session.prefill(tokens, options).catch((error: unknown) => {
      throw error instanceof BackendError ? new BackendError(error.failure, this) : error;
    });
    this.startsAnew();
    this.#onPrefilled(this.place);
    return finished;
  }

  rewind(tokens: number): boolean {
    return this.#session.rewind(tokens);
  }

  /** Tokens that it has been read, written or given so far. */
  get tokens(): number {
    return this.buffers.stores.tokens;
  }

  /** Is given tokens, which the next steps feed. */
  give(tokens: readonly number[]): void {
    this.#session.writeTokens(this.tokens, tokens);
  }

  /** Forgets which tokens occur: a turn is about to be fed. */
  forgetSeen(): void {
    this.#session.forgetSeen();
  }

  /** A turn is about to be read together with those of other texts. */
  startTurn(
    tokens: readonly number[],
    likelihoods: TurnToRead['likelihoods'],
    into: TurnToRead['into'],
  ): TurnToRead {
    const turn = this.#session.startTurn(tokens, likelihoods);
    return { ...turn, into, notFinite: (row) => this.notFiniteAt(turn.start + row) };
  }

  /** A turn was read layer by layer, perhaps not to its end. Its last hidden state lies where it goes. */
  endTurn(turn: TurnToRead, finished: boolean): void {
    this.#session.endTurn(turn, finished);
    this.startsAnew();
  }

  /** Makes a row of all tables that of the next given token, whose step is about to be submitted. */
  takeGiven(tables: Uint32Array, row: number): void {
    const position = this.tokens;
    this.buffers.rowTables.put(tables, row, position);
    this.buffers.stores.written(position + 1);
    this.#session.keep(position + 1);
  }

  /** The hidden state of its newest token lies where a prompt leaves it. */
  startsAnew(): void {
    this.#promptTokens = this.tokens;
    this.#steps = 0;
    this.#passedOn = 0;
    this.#drawn = [];
  }

  /** Whether its next token needs no step: the prompt left the hidden state from which it is drawn. */
  get isFresh(): boolean {
    return this.#steps === 0;
  }

  /** The position of the row from which its next token is drawn. */
  get nextPosition(): number {
    return this.#promptTokens + this.#steps - 1;
  }

  /** Makes a row of all tables that of the next step, which is about to be submitted. */
  takeStep(tables: Uint32Array, row: number): void {
    const position = this.nextPosition;
    this.buffers.rowTables.put(tables, row, position);
    this.buffers.stores.written(position + 1);
    this.#steps++;
  }

  /** A token arrived, and is to be passed on. */
  arrived(token: number): void {
    this.#drawn.push(token);
  }

  /** The next token to pass on; undefined if none has arrived. */
  takeToken(): number | undefined {
    const token = this.#drawn.shift();
    if (token === undefined) return undefined;
    this.#session.keep(this.#promptTokens + this.#passedOn);
    this.#passedOn++;
    return token;
  }

  /** The failure of logits that are not finite, if it is for them that no token was drawn. */
  notFinite(): Promise<BackendError> {
    return this.notFiniteAt(this.#promptTokens + this.#passedOn - 2);
  }

  async notFiniteAt(position: number): Promise<BackendError> {
    return new BackendError((await this.#session.notFinite(position)).failure, this);
  }

  kvUsage(): KvUsage {
    return this.#session.kvUsage();
  }

  get kvBytesInUse(): number {
    return this.#session.kvBytesInUse;
  }

  close(): void {
    this.#onClose();
  }
}
