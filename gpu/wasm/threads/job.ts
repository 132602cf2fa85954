/**
 * How threads hand each other work through the memory that they share. A job is a list of parts, and a part a list of
 * calls of kernels, written as numbers: which export, how many arguments, the arguments.
 *
 * Whoever is free takes the next part, so nobody waits for a thread that sleeps, is slow, or is gone. A thread without
 * work sleeps in `Atomics.wait`: none ever spins, which would take the core from the one that has work.
 */

/** Parts of the current job that nobody has taken yet; {@link LEAVE} sends the helpers home. */
const LEFT = 0;
/** Parts that helpers have finished; in another cache line. */
const DONE = 16;
/** 1 once a helper could not compute its part. */
const BROKEN = 32;
/** Where the numbers of each part begin, and where those of the last one end. */
const STARTS = 48;
const LEAVE = -1;

/** The most parts that a job may have. */
export const MOST_PARTS = 64;
const WORDS = STARTS + MOST_PARTS + 16;
const NUMBERS = 8192;

/** Bytes of what a team needs of the memory. */
export const JOB_BYTES = 4 * WORDS + 8 * NUMBERS;

/** The exports of a module, in its order, which is the same in every instance of it. */
export type Exports = Readonly<Record<string, (...args: number[]) => unknown>>;

/** The current job of a team. */
export class Job {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  #parts = 0;
  #end = 0;

  /** @param address of {@link JOB_BYTES} zeros, on a multiple of 8 */
  constructor(memory: WebAssembly.Memory, address: number) {
    this.#words = new Int32Array(memory.buffer, address, WORDS);
    this.#numbers = new Float64Array(memory.buffer, address + 4 * WORDS, NUMBERS);
  }

  /** Begins to write a job. All parts of the one before are done. */
  start(): void {
    this.#parts = 0;
    this.#end = 0;
    this.#words[STARTS] = 0;
  }

  /** Writes a call of an export into the current part. */
  addCall(index: number, args: readonly (number | boolean)[]): void {
    const numbers = this.#numbers;
    let end = this.#end;
    numbers[end++] = index;
    numbers[end++] = args.length;
    for (const arg of args) numbers[end++] = Number(arg);
    this.#end = end;
  }

  endPart(): void {
    this.#words[STARTS + ++this.#parts] = this.#end;
  }

  /** Whether all that was written found room. */
  get fits(): boolean {
    return this.#parts <= MOST_PARTS && this.#end <= NUMBERS;
  }

  /** Offers the parts that were written to the helpers, and wakes as many as can be of use. */
  offer(): void {
    Atomics.store(this.#words, DONE, 0);
    Atomics.store(this.#words, LEFT, this.#parts);
    Atomics.notify(this.#words, LEFT, this.#parts - 1);
  }

  /** Takes a part. Null if none is left. */
  take(): number | null {
    for (;;) {
      const left = Atomics.load(this.#words, LEFT);
      if (left <= 0) return null;
      if (Atomics.compareExchange(this.#words, LEFT, left, left - 1) === left) return left - 1;
    }
  }

  /** Makes the calls of a part that was taken. */
  run(part: number, calls: readonly ((...args: number[]) => unknown)[]): void {
    const numbers = this.#numbers;
    const end = this.#words[STARTS + part + 1] ?? 0;
    for (let at = this.#words[STARTS + part] ?? 0; at < end;) {
      const [index = 0, count = 0] = [numbers[at], numbers[at + 1]];
      calls[index]?.(...numbers.subarray(at + 2, at + 2 + count));
      at += 2 + count;
    }
  }

  /** Notes that a helper has finished a part. */
  finished(): void {
    Atomics.add(this.#words, DONE, 1);
    // Nobody waits while there are parts to take.
    if (Atomics.load(this.#words, LEFT) <= 0) Atomics.notify(this.#words, DONE);
  }

  /** Notes that a helper cannot go on. */
  broke(): void {
    Atomics.store(this.#words, BROKEN, 1);
    Atomics.notify(this.#words, DONE);
  }

  /**
   * Sleeps until helpers have finished that many parts.
   *
   * @param patienceMs how long it may take without any progress
   * @returns false if a helper broke, or none finished a part for so long
   */
  wait(parts: number, patienceMs: number): boolean {
    // In short naps: a machine that slept meanwhile has lost one of them, not its patience.
    const naps = 10;
    for (let left = naps; left > 0;) {
      const done = Atomics.load(this.#words, DONE);
      if (done >= parts) return true;
      if (Atomics.load(this.#words, BROKEN) !== 0) return false;
      if (Atomics.wait(this.#words, DONE, done, patienceMs / naps) === 'timed-out') left--;
      else left = naps;
    }
    return false;
  }

  /** Sends the helpers home. */
  dismiss(): void {
    Atomics.store(this.#words, LEFT, LEAVE);
    Atomics.notify(this.#words, LEFT);
  }

  /** Sleeps until there may be a part to take. @returns false if the helpers are sent home */
  waitForParts(): boolean {
    Atomics.wait(this.#words, LEFT, 0);
    return Atomics.load(this.#words, LEFT) !== LEAVE;
  }
}
