const INTERVAL_MS = 100;

/** What {@link ProgressReports} needs of a clock. */
export interface ReportClock {
  now(): number;
  /** Calls back once, unless the returned function is called first. */
  later(ms: number, call: () => void): () => void;
}

/**
 * Tells how far something has come: at once, then not more often than every 100 ms. What is held back follows as soon as it
 * may, because a network that falls silent sends nothing that would make it follow.
 */
export class ProgressReports<Progress> {
  readonly #report: (progress: Progress) => void;
  readonly #clock: ReportClock;
  #lastMs = -Infinity;
  #held: { readonly progress: Progress } | null = null;
  /** Ends the wait for the time at which what is held back may be told. */
  #cancel: (() => void) | null = null;

  constructor(report: (progress: Progress) => void, clock: ReportClock = realClock) {
    this.#report = report;
    this.#clock = clock;
  }

  /** Tells it now or soon, unless something newer is told meanwhile. */
  tell(progress: Progress): void {
    this.#held = { progress };
    const waitMs = this.#lastMs + INTERVAL_MS - this.#clock.now();
    if (waitMs <= 0) this.flush();
    else {
      this.#cancel ??= this.#clock.later(waitMs, () => {
        this.flush();
      });
    }
  }

  /** Tells what is held back now, because something else is told next. */
  flush(): void {
    if (!this.#held) return;
    const { progress } = this.#held;
    this.end();
    this.#lastMs = this.#clock.now();
    this.#report(progress);
  }

  /** The work has ended, and nothing may be told after it: what is held back is dropped. */
  end(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#held = null;
  }
}

const realClock: ReportClock = {
  now: () => performance.now(),
  later: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
