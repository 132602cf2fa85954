import { Refused } from '../outcome.ts';
import type { Gate } from './gate.ts';

/** Waits before the second, third… try. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000];
/** If a server asks for a longer wait, the person may try again later. */
const LONGEST_WAIT_MS = 120_000;

export interface Clock {
  /** Rejects if the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** How often to try again, and how long to wait in between. */
export class Patience {
  readonly #what: string;
  readonly #gate: Gate;
  readonly #onWait: (reason: string, forMs: number) => void;
  readonly #clock: Clock;
  #failures = 0;

  /** @param what the file that is asked for, as a failure names it */
  constructor(
    what: string,
    gate: Gate,
    onWait: (reason: string, forMs: number) => void,
    clock: Clock = realClock,
  ) {
    this.#what = what;
    this.#gate = gate;
    this.#onWait = onWait;
    this.#clock = clock;
  }

  /** Failed tries since the last bytes arrived. */
  get failures(): number {
    return this.#failures;
  }

  /** Bytes arrived, so the next failure counts as the first. */
  reward(): void {
    this.#failures = 0;
  }

  /**
   * Waits as long as the server asks, or a little longer each time.
   *
   * @param status the server's answer; 0 if there was none
   * @throws Refused with `download-failed` after the last try
   */
  async afterFailure(status: number, reason: string, askedMs: number | null = null): Promise<void> {
    const tried = this.#failures >= WAITS_MS.length;
    const waitMs = askedMs ?? WAITS_MS[this.#failures];
    if (tried || waitMs === undefined || waitMs > LONGEST_WAIT_MS) {
      const asks = waitMs === undefined ? {} : { retryAfterSec: Math.ceil(waitMs / 1000) };
      throw new Refused({ code: 'download-failed', file: this.#what, status, reason, ...asks });
    }
    this.#failures++;
    this.#onWait(reason, waitMs);
    try {
      await this.#clock.sleep(waitMs, this.#gate.interrupted);
    } catch {
      // Paused or cancelled: the gate says which.
    }
    await this.#gate.pass();
  }
}

/** Every date of HTTP (RFC 9110) has a time of day. `Date.parse` alone takes "5 minutes" for a date, too. */
const TIME_OF_DAY = /\d{2}:\d{2}:\d{2}/;

/**
 * What `Retry-After` asks for, in milliseconds: seconds or a date. Null if it is neither, absent, or hidden from pages.
 */
export function retryAfterMs(response: Response, nowMs = Date.now()): number | null {
  const text = response.headers.get('retry-after');
  if (text === null) return null;
  if (!/^\d+$/.test(text) && !TIME_OF_DAY.test(text)) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

export const realClock: Clock = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(new Error('interrupted'));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, ms);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    }),
};
