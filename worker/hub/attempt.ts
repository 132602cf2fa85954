/** One request: it ends if the person interrupts it, if nothing arrives for too long, or if it takes too long. */
export class Attempt {
  /** The server has answered; the body may still be on its way. */
  answered = false;
  /** Why the watch ended the request; null if it did not. */
  ended: 'stalled' | 'too-long' | null = null;
  readonly signal: AbortSignal;
  readonly #watch = new AbortController();
  readonly #stallMs: number;
  readonly #limit: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param stallMs how long nothing may arrive
   * @param limitMs how long all of it may take; null for files, which may be large
   */
  constructor(interrupted: AbortSignal, stallMs: number, limitMs: number | null) {
    this.signal = AbortSignal.any([interrupted, this.#watch.signal]);
    this.#stallMs = stallMs;
    if (limitMs !== null) this.#limit = setTimeout(() => this.#end('too-long'), limitMs);
  }

  /** Waits for something from the network. The signal ends a wait that is too long. */
  async watch<T>(arriving: Promise<T>): Promise<T> {
    const stall = setTimeout(() => this.#end('stalled'), this.#stallMs);
    try {
      const arrived = await arriving;
      this.answered = true;
      return arrived;
    } finally {
      clearTimeout(stall);
    }
  }

  /** Closes the connection if it is still open. */
  close(): void {
    clearTimeout(this.#limit);
    this.#watch.abort();
  }

  #end(why: 'stalled' | 'too-long'): void {
    this.ended ??= why;
    this.#watch.abort();
  }
}
