import type { GpuContext } from './device.ts';

/** A piece of GPU work: dispatches for a compute pass, or a copy, which stands between passes. */
export type Job =
  | { readonly work: number; readonly dispatch: (pass: GPUComputePassEncoder) => void }
  | { readonly work: number; readonly copy: (encoder: GPUCommandEncoder) => void };

/** Jobs, after which others can be made. */
export interface Part {
  readonly jobs: () => readonly Job[];
  readonly ended?: () => Promise<void>;
}

const targetMs = 100;
const mostInFlight = 2;

/**
 * Runs jobs in submits of bounded work: a watchdog resets a device that is busy for 2 s, the page wants to draw, and a
 * stop should take effect. How much a submit may hold is measured as it goes.
 *
 * @param jobs        in order; `work` is in multiply-adds
 * @param firstWork   what the first submit may hold
 * @param betweenSubmits hears the work done so far; returns false to give up
 * @returns false if it gave up; what was submitted has then ended
 */
export async function runPaced(
  context: GpuContext,
  jobs: readonly Job[],
  firstWork: number,
  betweenSubmits: (workDone: number) => boolean,
): Promise<boolean> {
  const { device } = context;
  const inFlight: Promise<void>[] = [];
  let budget = firstWork;
  let doneWork = 0;
  let lastDoneMs = performance.now();

  const submit = (batch: readonly Job[], work: number) => {
    const encoder = device.createCommandEncoder({ label: 'prefill' });
    encodeJobs(encoder, batch);
    const submittedMs = performance.now();
    device.queue.submit([encoder.finish()]);
    return context.wait(device.queue.onSubmittedWorkDone()).then(() => {
      const nowMs = performance.now();
      const tookMs = Math.max(1, nowMs - Math.max(submittedMs, lastDoneMs));
      lastDoneMs = nowMs;
      doneWork += work;
      const measured = (work / tookMs) * targetMs;
      budget = Math.min(Math.max(measured, budget / 4), budget * 4);
    });
  };

  let goOn = true;
  let next = 0;
  while (next < jobs.length && goOn) {
    let work = 0;
    const start = next;
    while (next < jobs.length && (next === start || work < budget)) work += jobs[next++]?.work ?? 0;
    inFlight.push(submit(jobs.slice(start, next), work));
    if (inFlight.length >= mostInFlight) await inFlight.shift();
    goOn = betweenSubmits(doneWork);
  }
  await Promise.all(inFlight);
  return goOn && betweenSubmits(doneWork);
}

/**
 * Runs parts one after the other, each as {@link runPaced}.
 *
 * @param betweenSubmits hears the fraction of the work done so far; returns false to give up
 * @returns false if it gave up
 */
export async function runParts(
  context: GpuContext,
  parts: readonly Part[],
  firstWork: number,
  betweenSubmits: (fraction: number) => boolean,
): Promise<boolean> {
  for (const [i, { jobs: jobsOf, ended }] of parts.entries()) {
    const jobs = jobsOf();
    const allWork = jobs.reduce((sum, job) => sum + job.work, 0);
    const finished = await runPaced(context, jobs, firstWork, (work) =>
      betweenSubmits((i + (allWork === 0 ? 1 : work / allWork)) / parts.length),
    );
    if (!finished) return false;
    await ended?.();
  }
  return true;
}

function encodeJobs(encoder: GPUCommandEncoder, batch: readonly Job[]): void {
  let pass: GPUComputePassEncoder | undefined;
  for (const job of batch) {
    if ('copy' in job) {
      pass?.end();
      pass = undefined;
      job.copy(encoder);
    } else {
      pass ??= encoder.beginComputePass();
      job.dispatch(pass);
    }
  }
  pass?.end();
}
