/**
 * Which positions the rings of a text still hold: what decides how far it can drop back. A ring keeps the newest rows;
 * a text that drops back needs those that its next token sees through the window.
 */
export class RingReach {
  readonly #ringRows: number;
  /** Rings hold every position from here to the last that was written. */
  #oldest = 0;

  /** @param ringRows rows of the smallest ring; Infinity where no cache is one */
  constructor(ringRows: number) {
    this.#ringRows = ringRows;
  }

  /**
   * Notes that positions up to `end` were written.
   *
   * @param kept how many of the last ones entered the rings, where that was not every new one
   */
  wrote(end: number, kept = Infinity): void {
    this.#oldest = Math.max(this.#oldest, end - this.#ringRows, this.#ringRows === Infinity ? 0 : end - kept);
  }

  /** Whether a text can go on after its first `tokens` positions. */
  reaches(tokens: number, windowTokens: number): boolean {
    return tokens === 0 || Math.max(0, tokens - windowTokens + 1) >= this.#oldest;
  }
}
