import { Refused } from '../outcome.ts';
import type { Failure } from '../protocol/failure.ts';

/** What may hold up a download or end it: the person pauses or cancels it, or the device loses what is stored. */
export class Gate {
  readonly #cancel = new AbortController();
  #why: Failure = { code: 'cancelled' };
  #interrupt = new AbortController();
  #opened: Promise<void> | null = null;
  #open: () => void = () => undefined;

  /** For one request: aborts at the next pause, and at the end. */
  get interrupted(): AbortSignal {
    return AbortSignal.any([this.#interrupt.signal, this.#cancel.signal]);
  }

  get cancelled(): AbortSignal {
    return this.#cancel.signal;
  }

  get paused(): boolean {
    return this.#opened !== null;
  }

  pause(): void {
    this.#opened ??= new Promise((resolve) => (this.#open = resolve));
    this.#interrupt.abort();
  }

  resume(): void {
    this.#interrupt = new AbortController();
    this.#opened = null;
    this.#open();
  }

  /** @param why the failure that {@link pass} throws from now on */
  cancel(why: Failure = { code: 'cancelled' }): void {
    if (!this.#cancel.signal.aborted) this.#why = why;
    this.#cancel.abort();
    this.resume();
  }

  /** Resolves while nobody pauses. Throws Refused after the end. */
  async pass(): Promise<void> {
    while (this.#opened) await this.#opened;
    if (this.#cancel.signal.aborted) throw new Refused(this.#why);
  }
}
