import { Job, type Exports } from './job.ts';

/** What a helper needs to join a team. */
export interface HelperStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Where the team's job lies. */
  readonly job: number;
  /** Which helper it is, from 1 on. */
  readonly helper: number;
}

/**
 * Helps a team with its jobs until it is sent home. It blocks the thread that it runs in.
 *
 * @param ready called once it can take parts
 */
export function help({ module, memory, job: address, helper }: HelperStart, ready: () => void): void {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as Exports; // which have no types
  const calls = Object.values(exports);
  const { readAhead = () => undefined } = exports;
  const job = new Job(memory, address);
  ready();
  while (job.waitForParts()) {
    for (let part = job.take(); part !== null; part = job.take()) {
      try {
        job.run(part, calls, helper);
      } catch (error) {
        job.broke();
        throw error;
      }
      job.finished();
    }
    job.readUntilParts(readAhead);
  }
}
