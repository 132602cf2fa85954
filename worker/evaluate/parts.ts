import type { Measured } from '../protocol/measure.ts';
import type { LaneJob } from './text-lanes.ts';

/** What an item is measured by: jobs in any order, and then what they found. */
export interface Parts {
  readonly jobs: readonly LaneJob[];
  /** Called once, when all jobs have ended. */
  readonly measured: () => Promise<Measured>;
}
