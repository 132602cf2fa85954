import type { Timing } from './protocol/generate.ts';

/** Times one run: the prompt until its first new token, and from there to the last. */
export class RunClock {
  readonly #now: () => number;
  readonly #promptTokens: number;
  #startMs: number;
  #started = false;
  #prefilledMs: number | null = null;
  #firstTokenMs: number | null = null;
  #lastTokenMs = 0;
  #newTokens = 0;

  /** @param now a clock in milliseconds */
  constructor(promptTokens: number, now = () => performance.now()) {
    this.#now = now;
    this.#promptTokens = promptTokens;
    this.#startMs = now();
  }

  /** Call it just before the first token is read. Earlier work, such as compiling kernels, is not counted. */
  startPrefill(): void {
    if (this.#started) return;
    this.#started = true;
    this.#startMs = this.#now();
  }

  /** The whole prompt was read. */
  prefilled(): void {
    this.#prefilledMs = this.#now();
  }

  /** A new token arrived. */
  token(): void {
    this.#lastTokenMs = this.#now();
    this.#firstTokenMs ??= this.#lastTokenMs;
    this.#newTokens++;
  }

  /** The figures so far. A speed is 0 until there is something to measure. */
  timing(): Timing {
    const prefillEndMs = this.#firstTokenMs ?? this.#prefilledMs;
    const prefillMs = (prefillEndMs ?? this.#now()) - this.#startMs;
    const decodeMs = this.#lastTokenMs - (this.#firstTokenMs ?? this.#lastTokenMs);
    return {
      prefillMs,
      decodeMs,
      prefillTokensPerSec: prefillEndMs === null ? 0 : perSecond(this.#promptTokens, prefillMs),
      decodeTokensPerSec: perSecond(this.#newTokens - 1, decodeMs),
    };
  }
}

const perSecond = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? (tokens / ms) * 1000 : 0);

/** Lets a call through at most once in `intervalMs`; the first one at once. */
export function throttle(intervalMs: number, call: () => void, now = () => performance.now()): () => void {
  let lastMs = -Infinity;
  return () => {
    const ms = now();
    if (ms - lastMs < intervalMs) return;
    lastMs = ms;
    call();
  };
}
