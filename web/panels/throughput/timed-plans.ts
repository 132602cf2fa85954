import type { LargestBatch } from '../../../worker/protocol/largest-batch.ts';
import { readExperiment, type Experiment } from '../../../worker/laboratory/experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import { attempt } from '../../../worker/outcome.ts';
import { speedMeasure } from '../../experiments/timed-sizes.ts';

/** What was found out about some plans. Plain data, so that it can be kept. */
export interface TimedPlans {
  /** The experiment, as JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What each plan is called, and its layers. */
  readonly plans: readonly { readonly name: string; readonly model: string; readonly layerTypes: string }[];
  /** How many sequences fit, and why, for each plan. */
  readonly largest: readonly LargestBatch[];
  /** What was timed so far. */
  readonly records: readonly ItemRecord[];
  /** Whether that is all: nothing stopped it, and nobody closed the page. */
  readonly complete: boolean;
  readonly adapter: string;
  /** Version and commit of the page. */
  readonly build: string;
  /** In milliseconds since 1970. */
  readonly endedAt: number;
}

/** What was asked for, from the experiment of a result. */
export interface AskedTiming {
  readonly experiment: Experiment;
  readonly prompt: number;
  readonly generate: number;
  readonly budgetBytes: number;
  readonly rounds: number;
}

/** @returns null if it is not an experiment that times something */
export function askedOf({ json }: Pick<TimedPlans, 'json'>): AskedTiming | null {
  const read = attempt(() => readExperiment(json));
  const measure = read.ok ? speedMeasure(read.value) : undefined;
  const [prompt, generate] = [measure?.prompt[0], measure?.generate[0]];
  if (!read.ok || !measure || prompt === undefined || generate === undefined) return null;
  const { budgetBytes, rounds } = measure;
  return { experiment: read.value, prompt, generate, budgetBytes, rounds };
}
