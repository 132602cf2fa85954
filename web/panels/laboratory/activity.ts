import type { Progress } from '../../../worker/laboratory/run-experiment.ts';

/** What the laboratory is doing with the engine. */
export type Activity =
  | { readonly at: 'rest' }
  | { readonly at: 'waiting' }
  | { readonly at: 'estimating' }
  | { readonly at: 'running'; readonly progress: Progress | null; readonly ending: 'pause' | 'stop' | null };

export const rest: Activity = { at: 'rest' };
