import { Refused } from '../outcome.ts';

/** What holds a download up: a person who pauses it, and one who gives it up. */
export class Gate {
  readonly #cancel = new AbortController();
  #interrupt = new AbortController();
  #opened: Promise<void> | null = null;
  #open: () => void = () => undefined;

  /** Aborts at the next pause, and when all is given up: for one request. */
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

  cancel(): void {
    this.#cancel.abort();
    this.resume();
  }

  /** Resolves when nobody pauses. Throws Refused with `cancelled` when it was given up. */
  async pass(): Promise<void> {
    while (this.#opened) await this.#opened;
    if (this.#cancel.signal.aborted) throw new Refused({ code: 'cancelled' });
  }
}
