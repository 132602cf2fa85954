/** The only file that knows BullMQ and ioredis. They are optional, and loaded when somebody names a queue. */
import { createHash } from 'node:crypto';
import { LabError } from '../lab-error.ts';
import type { RedisAddress } from './redis-address.ts';

/** Times that a cell is tried, such as on workers without its model. A worker that dies does not count. */
const ATTEMPTS = 3;
const MOST_DEAD_WORKERS = 10;
const KEPT_SECONDS = 7 * 24 * 3600;
const REPORT_EVERY_MS = 10_000;

export type JobState = 'completed' | 'failed' | 'absent' | 'open';

export interface FoundJob {
  readonly state: JobState;
  /** What the worker answered, or why it failed. Hostile. */
  readonly answer: unknown;
}

/** A queue of cells, from the side of the process that collects. */
export interface CellQueue {
  /** Does nothing if there is such a job. */
  readonly add: (id: string, data: unknown) => Promise<void>;
  readonly find: (id: string) => Promise<FoundJob>;
  readonly remove: (id: string) => Promise<void>;
  /** How many processes work; null if the server does not tell. */
  readonly countWorkers: () => Promise<number | null>;
  readonly close: () => Promise<void>;
}

/** A worker gives its cell back if `work` throws this. */
export class GiveBack extends Error {}

export interface CellWorker {
  /** Takes no more cells, and waits for the current one. */
  readonly close: () => Promise<void>;
}

interface QueueOptions {
  readonly address: RedisAddress;
  /** Only processes of the same version see each other's cells, because numbers may change with it. */
  readonly engineVersion: string;
  readonly report: (line: string) => void;
}

/** @throws LabError if the libraries are missing or no server answers */
export async function openCellQueue(options: QueueOptions): Promise<CellQueue> {
  const { bullmq } = await connect(options);
  const queue = new bullmq.Queue(nameOf(options), connectionOf(options));
  queue.on('error', errorReporter(options));
  return {
    add: async (id, data) => {
      await queue.add('cells', data, {
        jobId: id,
        attempts: ATTEMPTS,
        backoff: { type: 'fixed', delay: 1000 },
        removeOnComplete: { age: KEPT_SECONDS },
        removeOnFail: { age: KEPT_SECONDS },
      });
    },
    find: async (id) => {
      const state = await queue.getJobState(id);
      if (state === 'unknown') return { state: 'absent', answer: null };
      if (state !== 'completed' && state !== 'failed') return { state: 'open', answer: null };
      const job = await queue.getJob(id);
      if (!job) return { state: 'absent', answer: null };
      return { state, answer: state === 'completed' ? job.returnvalue : job.failedReason };
    },
    remove: async (id) => {
      await queue.remove(id);
    },
    countWorkers: async () => {
      try {
        return await queue.getWorkersCount();
      } catch {
        return null;
      }
    },
    close: () => queue.close(),
  };
}

/**
 * Takes cells one after the other, until it is closed.
 *
 * @param lostAfterMs how long a worker may be silent before another one takes its cell
 * @param work answers a cell. What it throws is the answer too
 * @throws LabError
 */
export async function openCellWorker(
  options: QueueOptions,
  lostAfterMs: number,
  work: (data: unknown) => Promise<string>,
): Promise<CellWorker> {
  const { bullmq } = await connect(options);
  const worker = new bullmq.Worker<unknown, string>(
    nameOf(options),
    async (job, token) => {
      try {
        return await work(job.data);
      } catch (error) {
        if (!(error instanceof GiveBack)) throw error;
        await job.moveToWait(token);
        throw new bullmq.WaitingError();
      }
    },
    {
      ...connectionOf(options),
      lockDuration: lostAfterMs,
      stalledInterval: lostAfterMs,
      maxStalledCount: MOST_DEAD_WORKERS,
    },
  );
  worker.on('error', errorReporter(options));
  await worker.waitUntilReady();
  return { close: () => worker.close() };
}

const nameOf = ({ engineVersion }: QueueOptions) =>
  `lab-${createHash('sha256').update(engineVersion).digest('hex').slice(0, 16)}`;

const connectionOf = ({ address }: QueueOptions) => ({
  prefix: 'kvtab',
  connection: { ...address.options, maxRetriesPerRequest: null },
});

/** Loads the libraries, and asks the server once: BullMQ itself would wait for it for ever. */
async function connect({ address, report }: QueueOptions) {
  const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')]).catch(() => {
    throw new LabError('a queue needs BullMQ and ioredis, which are missing: run npm ci --include=optional');
  });
  const client = new ioredis.Redis({
    ...address.options,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 10_000,
  });
  let reason = '';
  client.on('error', (error: Error) => (reason = error.message));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    if (reason === '') reason = error instanceof Error ? error.message : String(error);
    throw new LabError(address.hide(`no queue at ${address.shown}: ${reason}`));
  } finally {
    client.disconnect();
  }
  report(`lab: the queue is at ${address.shown}`);
  return { bullmq };
}

/** The library tries again by itself. */
function errorReporter({ address, report }: QueueOptions): (error: Error) => void {
  let reportedMs = 0;
  return ({ message }) => {
    if (Date.now() - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = Date.now();
    report(address.hide(`lab: the queue at ${address.shown} does not answer: ${message}`));
  };
}
