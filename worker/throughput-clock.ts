import type { SequencesTiming } from './protocol/sequences.ts';

/** Times a run of several sequences: how long they are prefilled, and how long they are decoded. */
export class ThroughputClock {
  readonly #now: () => number;
  #prefillMs = 0;
  #decodeMs = 0;
  /** Of the decoding in progress; null if there is none. */
  #decodesSinceMs: number | null = null;
  #promptTokens = 0;
  #newTokens = 0;

  /** @param now a clock in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Times a prefill.
   *
   * @param work gets a function to call just before the first token is read: earlier work, such as compiling kernels,
   *             is not counted
   */
  async prefill<T>(promptTokens: number, work: (prepared: () => void) => Promise<T>): Promise<T> {
    let startMs = this.#now();
    let started = false;
    const result = await work(() => {
      if (!started) startMs = this.#now();
      started = true;
    });
    this.#prefillMs += this.#now() - startMs;
    this.#promptTokens += promptTokens;
    return result;
  }

  async decode<T>(work: () => Promise<T>): Promise<T> {
    const startMs = this.#now();
    this.#decodesSinceMs = startMs;
    const result = await work();
    this.#decodesSinceMs = null;
    this.#decodeMs += this.#now() - startMs;
    return result;
  }

  /** A new token arrived. */
  token(): void {
    this.#newTokens++;
  }

  timing(): SequencesTiming {
    const runningMs = this.#decodesSinceMs === null ? 0 : this.#now() - this.#decodesSinceMs;
    const [prefillMs, decodeMs] = [this.#prefillMs, this.#decodeMs + runningMs];
    return {
      prefillMs,
      decodeMs,
      prefillTokensPerSec: perSecond(this.#promptTokens, prefillMs),
      throughputTokensPerSec: perSecond(this.#newTokens, decodeMs),
      throughputWithPrefillTokensPerSec: perSecond(this.#newTokens, prefillMs + decodeMs),
    };
  }
}

const perSecond = (tokens: number, ms: number) => (ms > 0 ? (tokens / ms) * 1000 : 0);
