import type { HelperStart } from './help.ts';

/** A thread that helps. */
export interface Helper {
  /** Resolves once it takes parts. */
  readonly ready: Promise<unknown>;
  /** Resolves if it ends before {@link end}, or cannot start, with the reason. */
  readonly ended: Promise<string>;
  end(): void;
}

/** Starts a thread that calls `help`. Throws if this engine has no more threads. */
export type StartHelper = (start: HelperStart) => Helper;

export interface ThreadOptions {
  /** Why there are not more, in words that follow "1 thread: "; absent if that is nobody's concern. */
  readonly why?: string;
  /** How long helpers may take without finishing a part until they count as lost. */
  readonly patienceMs?: number;
  /** Multiply-adds from which work is shared with helpers that are awake. */
  readonly leastWork?: number;
}

/** Multiply-adds whose sharing takes as long as it saves. Measured: docs/measuring.md. */
const LEAST_WORK = 2.2e5;

/**
 * How many threads a backend uses, and why not more. It outlives the backend: what has failed once is not tried again.
 */
export class Threads {
  /** Parts that helpers have computed so far. */
  partsHelped = 0;
  readonly patienceMs: number;
  readonly leastWork: number;
  readonly #startHelper: StartHelper | null;
  #count: number;
  #why: string | null;

  /**
   * @param count       threads, the decoder's own included
   * @param startHelper null if there is only one
   */
  constructor(count: number, startHelper: StartHelper | null, options: ThreadOptions = {}) {
    const { why = null, patienceMs = 10_000, leastWork = LEAST_WORK } = options;
    this.#count = startHelper ? Math.max(1, count) : 1;
    this.#startHelper = startHelper;
    this.#why = why;
    this.patienceMs = patienceMs;
    this.leastWork = leastWork;
  }

  get count(): number {
    return this.#count;
  }

  /** Starts a helper. Null if the decoder works alone. */
  get startHelper(): StartHelper | null {
    return this.#count > 1 ? this.#startHelper : null;
  }

  /** For people. */
  get inWords(): string {
    if (this.#count > 1) return `${this.#count} threads`;
    return this.#why === null ? '1 thread' : `1 thread: ${this.#why}`;
  }

  /** From now on there is one thread. */
  giveUp(why: string): void {
    this.#count = 1;
    this.#why = why;
  }
}
