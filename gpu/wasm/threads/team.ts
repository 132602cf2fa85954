import { BackendError } from '../../backend-error.ts';
import { startKernels, type Address, type KernelCode, type Kernels } from '../kernels.ts';
import type { LinearMemory } from '../linear-memory.ts';
import type { Hands, TakeRoom, Work } from './hands.ts';
import { Job, JOB_BYTES, MOST_PARTS, type ReadAhead, type Room } from './job.ts';
import type { Helper, Threads } from './threads.ts';

/** Multiply-adds of a part of work that is large enough for several parts per thread, which even out unlike threads. */
const PART_WORK = 5e5;
const MOST_PARTS_PER_THREAD = 4;
/**
 * After so many multiply-adds that nobody shared, helpers sleep and little of the work is large enough for them: then so
 * many times as much as otherwise is worth waking them for. Measured: docs/measuring.md.
 */
const LONG_ALONE = 1e6;
const WORTH_WAKING = 2.3;
/** How long helpers may take to start. */
const START_MS = 5000;

const firstRoom: TakeRoom = ({ address }) => address;

/** The threads that compute in one memory: that of the decoder, and its helpers if there are any. */
export class Team implements Hands {
  readonly kernels: Kernels;
  readonly firstRoom = 0;
  /** Threads that there were at the start: so many rooms must a job have that takes one. */
  readonly threads: number = 1;
  readonly #memory: LinearMemory;
  readonly #threads: Threads;
  readonly #address: Address = 0;
  /** Null if there are no helpers. */
  #job: Job | null = null;
  /** Writes calls into the job instead of making them. */
  readonly #writer: Kernels;
  #helpers: readonly Helper[] = [];
  /** Multiply-adds since work was shared last. */
  #alone = 0;
  /**
   * @param code compiled for `memory`; helpers are started if it is shared
   * @throws BackendError `out-of-memory`
   */
  constructor(memory: LinearMemory, code: KernelCode, threads: Threads) {
    this.kernels = startKernels(code, memory.memory);
    this.#memory = memory;
    this.#threads = threads;
    this.#writer = this.kernels;
    const { startHelper, count } = threads;
    if (!code.shared || !startHelper) return;
    this.#address = memory.allocate('threads', JOB_BYTES);
    this.#job = new Job(memory.memory, this.#address);
    this.#writer = writerOf(this.kernels, this.#job);
    this.threads = count;
    const start = { module: code.module, memory: memory.memory, job: this.#address };
    try {
      while (this.#helpers.length < count - 1) {
        const helper = startHelper({ ...start, helper: this.#helpers.length + 1 });
        this.#helpers = [...this.#helpers, helper];
        void helper.ended.then((why) => this.#lose(why));
      }
    } catch (error) {
      this.#lose(String(error));
    }
  }

  readonly #readAhead: ReadAhead = (from, bytes) => this.kernels.readAhead(from, bytes);

  /** Resolves when every helper takes parts, or when there are none because one did not start. */
  async ready(): Promise<void> {
    if (this.#helpers.length === 0) return;
    const started = this.#helpers.map(({ ready, ended }) => Promise.race([ready, ended]));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, START_MS, 'late');
    });
    const first = await Promise.race([Promise.all(started), late]);
    clearTimeout(timer);
    if (first === 'late') this.#lose('it did not start');
  }

  /** Threads that there are now. */
  get threadsLeft(): number {
    return this.#job === null ? 1 : this.threads;
  }

  partsOf(multiplyAdds: number, most: number): number {
    if (this.#job === null) return 1;
    const { leastWork } = this.#threads;
    if (multiplyAdds < leastWork * (this.#alone > LONG_ALONE ? WORTH_WAKING : 1)) {
      this.#alone += multiplyAdds;
      return 1;
    }
    this.#alone = 0;
    const each = Math.floor(multiplyAdds / (PART_WORK * this.threads));
    return Math.min(most, MOST_PARTS, this.threads * Math.max(1, Math.min(MOST_PARTS_PER_THREAD, each)));
  }

  share(parts: number, work: Work, ahead: () => readonly Room[] = () => []): void {
    const job = this.#job;
    if (parts === 1 || job === null || !this.#write(job, parts, work)) {
      for (let part = 0; part < parts; part++) work(this.kernels, part, firstRoom);
      return;
    }
    job.offer(ahead());
    let own = 1;
    try {
      work(this.kernels, 0, firstRoom);
      for (let part = job.take(); part !== null; part = job.take()) {
        work(this.kernels, part + 1, firstRoom);
        own++;
      }
    } catch (error) {
      // Helpers still read this job, so another one cannot be written over it.
      this.#lose('the first one failed');
      throw error;
    }
    if (job.wait(parts - own, this.#threads.patienceMs, this.#readAhead)) {
      this.#threads.partsHelped += parts - own;
      return;
    }
    this.#lose('it stopped while it computed');
    throw new BackendError({ code: 'thread-lost' });
  }

  close(): void {
    this.#sendHome();
    this.#memory.free(this.#address);
  }

  /**
   * Writes all parts but the first, which this thread does itself.
   *
   * @returns false if the job has no room for so many calls
   */
  #write(job: Job, parts: number, work: Work): boolean {
    const takeRoom = (room: Room) => job.takeRoom(room);
    job.start();
    for (let part = 1; part < parts; part++) {
      work(this.#writer, part, takeRoom);
      job.endPart();
    }
    return job.fits;
  }

  /** Goes on with one thread: what has happened to one helper may happen to all. */
  #lose(why: string): void {
    if (this.#job === null) return;
    this.#sendHome();
    this.#threads.giveUp(`another one cannot run (${why})`);
  }

  #sendHome(): void {
    this.#job?.dismiss();
    this.#job = null;
    for (const helper of this.#helpers) helper.end();
    this.#helpers = [];
  }
}

/** Kernels that write their calls into a job. */
function writerOf(kernels: Kernels, job: Job): Kernels {
  const writers = Object.keys(kernels).map((name, index) => [
    name,
    (...args: (number | boolean)[]) => job.addCall(index, args),
  ]);
  return Object.fromEntries(writers) as Kernels; // the same names; nobody uses what they return
}
