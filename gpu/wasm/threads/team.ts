import { BackendError } from '../../backend-error.ts';
import { startKernels, type Address, type KernelCode, type Kernels } from '../kernels.ts';
import type { LinearMemory } from '../linear-memory.ts';
import { Job, JOB_BYTES, MOST_PARTS } from './job.ts';
import type { Helper, Threads } from './threads.ts';

/** Parts for each thread: more even out threads of different speed, fewer cost less. */
const PARTS_PER_THREAD = 2;
/** How long helpers may take to start. */
const START_MS = 5000;

/** The threads that compute in one memory: that of the decoder, and its helpers if there are any. */
export class Team {
  readonly kernels: Kernels;
  readonly #memory: LinearMemory;
  readonly #threads: Threads;
  readonly #address: Address = 0;
  /** Null if there are no helpers. */
  #job: Job | null = null;
  /** Writes calls into the job instead of making them. */
  readonly #writer: Kernels;
  #helpers: readonly Helper[] = [];
  /** The most parts of a job. */
  readonly #most: number;

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
    this.#most = Math.min(MOST_PARTS, PARTS_PER_THREAD * count);
    if (!code.shared || !startHelper) return;
    this.#address = memory.allocate('threads', JOB_BYTES);
    this.#job = new Job(memory.memory, this.#address);
    this.#writer = writerOf(this.kernels, this.#job);
    const start = { module: code.module, memory: memory.memory, job: this.#address };
    try {
      while (this.#helpers.length < count - 1) {
        const helper = startHelper(start);
        this.#helpers = [...this.#helpers, helper];
        void helper.ended.then((why) => this.#lose(why));
      }
    } catch (error) {
      this.#lose(String(error));
    }
  }

  /** The most parts that {@link partsOf} says, whatever happens to the helpers. */
  get mostParts(): number {
    return this.#address === 0 ? 1 : this.#most;
  }

  /** Threads that there were at the start. */
  get threads(): number {
    return this.#address === 0 ? 1 : this.#most / PARTS_PER_THREAD;
  }

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

  /**
   * Into how many parts to cut work of so many multiply-adds.
   *
   * @param most of how many pieces it is made
   */
  partsOf(multiplyAdds: number, most: number): number {
    return this.#job === null || multiplyAdds < this.#threads.leastWork ? 1 : Math.min(most, this.#most);
  }

  /**
   * Does work in parts, each on one of the threads. Returns when all are done.
   *
   * @param work makes the calls of a part through the kernels that it is given, and does nothing else. It may be asked
   *   for a part twice. Parts write to different places, and read nothing that another one writes.
   * @throws BackendError `device-lost` if a helper was lost while it computed
   */
  share(parts: number, work: (kernels: Kernels, part: number) => void): void {
    const job = this.#job;
    if (parts === 1 || job === null || !this.#write(job, parts, work)) {
      for (let part = 0; part < parts; part++) work(this.kernels, part);
      return;
    }
    job.offer();
    let own = 0;
    for (let part = job.take(); part !== null; part = job.take()) {
      work(this.kernels, part);
      own++;
    }
    if (job.wait(parts - own, this.#threads.patienceMs)) {
      this.#threads.partsHelped += parts - own;
      return;
    }
    const reason = 'a thread of the processor stopped while it computed';
    this.#lose(reason);
    throw new BackendError({ code: 'device-lost', reason });
  }

  close(): void {
    this.#sendHome();
    this.#memory.free(this.#address);
  }

  /** @returns false if the job has no room for so many calls */
  #write(job: Job, parts: number, work: (kernels: Kernels, part: number) => void): boolean {
    job.start();
    for (let part = 0; part < parts; part++) {
      work(this.#writer, part);
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
