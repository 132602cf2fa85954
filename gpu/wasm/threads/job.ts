/**
 * How threads hand each other work through the memory that they share. A job is a list of parts, and a part a list of
 * calls of kernels, written as numbers: which export, how many arguments, which of them is a room of the thread's own, the
 * bytes of that room, the arguments.
 *
 * Whoever is free takes the next part, so nobody waits for a thread that sleeps, is slow, or is gone. A thread without
 * work reads ahead what the next job will need, once, and sleeps in `Atomics.wait`: none ever spins, which would take the
 * core from the one that has work.
 */

/** Parts of the current job that nobody has taken yet; {@link LEAVE} sends the helpers home. */
const LEFT = 0;
/** Parts that helpers have finished; in another cache line. */
const DONE = 16;
/** 1 once a helper could not compute its part. */
const BROKEN = 32;
/** What the next job will read: {@link MOST_AHEAD} addresses, each with how many bytes. */
const AHEAD = 40;
const MOST_AHEAD = 4;
/** Where the numbers of each part begin, and where those of the last one end. */
const STARTS = AHEAD + 2 * MOST_AHEAD;
const LEAVE = -1;
/** Bytes that are read ahead before the next look for parts: a fifth of a microsecond. */
const AT_ONCE = 4096;
/** Numbers of a call before its arguments. */
const HEAD = 4;

/** The most parts that a job may have. */
export const MOST_PARTS = 64;
const WORDS = STARTS + MOST_PARTS + 16;
/** Numbers that all calls of a job may take together. */
export const JOB_NUMBERS = 16384;

/** Bytes of what a team needs of the memory. */
export const JOB_BYTES = 4 * WORDS + 8 * JOB_NUMBERS;

/** The exports of a module, in its order, which is the same in every instance of it. */
export type Exports = Readonly<Record<string, (...args: number[]) => unknown>>;

/** Reads bytes for the sake of the caches. */
export type ReadAhead = (from: number, bytes: number) => unknown;

/** Memory of which each thread has as much, side by side. */
export interface Room {
  readonly address: number;
  /** Of one thread. */
  readonly bytes: number;
}

/** The current job of a team. */
export class Job {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  #parts = 0;
  #end = 0;
  /** The room that the next call takes. */
  #room: Room | null = null;

  /** @param address of {@link JOB_BYTES} zeros, on a multiple of 8 */
  constructor(memory: WebAssembly.Memory, address: number) {
    this.#words = new Int32Array(memory.buffer, address, WORDS);
    this.#numbers = new Float64Array(memory.buffer, address + 4 * WORDS, JOB_NUMBERS);
  }

  /** Begins to write a job. All parts of the one before are done. */
  start(): void {
    this.#parts = 0;
    this.#end = 0;
    this.#words[STARTS] = 0;
  }

  /** Notes that the next call takes a room of the thread's own. @returns the first thread's */
  takeRoom(room: Room): number {
    this.#room = room;
    return room.address;
  }

  /** Writes a call of an export into the current part. */
  addCall(index: number, args: readonly (number | boolean)[]): void {
    const numbers = this.#numbers;
    let end = this.#end;
    numbers[end++] = index;
    numbers[end++] = args.length;
    numbers[end++] = this.#room ? args.lastIndexOf(this.#room.address) : -1;
    numbers[end++] = this.#room?.bytes ?? 0;
    this.#room = null;
    for (const arg of args) numbers[end++] = Number(arg);
    this.#end = end;
  }

  endPart(): void {
    this.#words[STARTS + ++this.#parts] = this.#end;
  }

  /** Whether all that was written found room. */
  get fits(): boolean {
    return this.#parts <= MOST_PARTS && this.#end <= JOB_NUMBERS;
  }

  /**
   * Offers the parts that were written to the helpers, and wakes as many as can be of use.
   *
   * @param ahead what the next job will probably read, at most four rooms; nothing if that is what the one before said
   */
  offer(ahead: readonly Room[]): void {
    for (let i = 0; i < MOST_AHEAD && ahead.length > 0; i++) {
      this.#words[AHEAD + 2 * i] = ahead[i]?.address ?? 0;
      this.#words[AHEAD + 2 * i + 1] = ahead[i]?.bytes ?? 0;
    }
    Atomics.store(this.#words, DONE, 0);
    Atomics.store(this.#words, LEFT, this.#parts);
    Atomics.notify(this.#words, LEFT, this.#parts);
  }

  /** Takes a part. Null if none is left. */
  take(): number | null {
    for (;;) {
      const left = Atomics.load(this.#words, LEFT);
      if (left <= 0) return null;
      if (Atomics.compareExchange(this.#words, LEFT, left, left - 1) === left) return left - 1;
    }
  }

  /** Makes the calls of a part that a helper has taken; helpers count from 1. */
  run(part: number, calls: readonly ((...args: number[]) => unknown)[], helper: number): void {
    const numbers = this.#numbers;
    const end = this.#words[STARTS + part + 1] ?? 0;
    // Copied number by number: an iterator would take as long as a small part.
    const args: number[] = [];
    for (let at = this.#words[STARTS + part] ?? 0; at < end;) {
      const index = numbers[at] ?? 0;
      const count = numbers[at + 1] ?? 0;
      const room = numbers[at + 2] ?? -1;
      const roomBytes = numbers[at + 3] ?? 0;
      at += HEAD;
      args.length = count;
      for (let i = 0; i < count; i++) args[i] = numbers[at + i] ?? 0;
      if (room >= 0) args[room] = (args[room] ?? 0) + helper * roomBytes;
      calls[index]?.(...args);
      at += count;
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
   * Waits until helpers have finished that many parts: reads ahead, and then sleeps.
   *
   * @param patienceMs how long it may take without any progress
   * @returns false if a helper broke, or none finished a part for so long
   */
  wait(parts: number, patienceMs: number, read: ReadAhead): boolean {
    this.#readWhile(() => Atomics.load(this.#words, DONE) < parts, 'beginning', read);
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

  /** Reads ahead until there are parts to take. See {@link Job.#readWhile}. */
  readUntilParts(read: ReadAhead): void {
    this.#readWhile(() => Atomics.load(this.#words, LEFT) === 0, 'end', read);
  }

  /**
   * Reads what the next job will need, from the end of each room that the thread's own parts will probably lie at, once or
   * for as long as something is so. That is of use, and it takes as long as the other threads mostly need to come to the end
   * of this job. So this thread is awake when they do: to wake one takes longer than a part.
   */
  #readWhile(isSo: () => boolean, from: 'beginning' | 'end', read: ReadAhead): void {
    for (let i = AHEAD; i < AHEAD + 2 * MOST_AHEAD; i += 2) {
      const room = this.#words[i] ?? 0;
      const bytes = this.#words[i + 1] ?? 0;
      for (let done = 0; done < bytes; done += AT_ONCE) {
        if (!isSo()) return;
        const some = Math.min(AT_ONCE, bytes - done);
        read(room + (from === 'end' ? bytes - done - some : done), some);
      }
    }
  }

  /** Sleeps until there may be a part to take. @returns false if the helpers are sent home */
  waitForParts(): boolean {
    Atomics.wait(this.#words, LEFT, 0);
    return Atomics.load(this.#words, LEFT) !== LEAVE;
  }
}
