/** Finds the largest batch of every plan, then times batches of all of them in rounds, by turns. */
import { estimateCost } from '../../../worker/laboratory/estimate-cost.ts';
import { readExperiment, type Experiment } from '../../../worker/laboratory/experiment.ts';
import { shapesOf } from '../../../worker/laboratory/measure-items.ts';
import { planExperiment, type Cell } from '../../../worker/laboratory/plan-experiment.ts';
import type { ItemRecord } from '../../../worker/laboratory/records.ts';
import {
  loadRow,
  runCells,
  type ExperimentParts,
  type LabEngine,
  type Progress,
} from '../../../worker/laboratory/run-experiment.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { EngineApi } from '../../../worker/protocol/engine.ts';
import type { LargestBatch, LargestBatchRequest } from '../../../worker/protocol/largest-batch.ts';
import type { BatchSize } from '../../../worker/protocol/measure.ts';
import { adapterTitle, describeAdapter } from '../../ui/describe-adapter.ts';
import { sizesUpTo, unionOf } from './timing-setup.ts';

export type TimingEngine = LabEngine & Pick<EngineApi, 'largestBatch'>;

export interface TimingParts extends ExperimentParts {
  readonly engine: TimingEngine;
}

export interface FoundBatches {
  readonly largest: readonly LargestBatch[];
  readonly adapter: string;
}

type Wanted = Pick<LargestBatchRequest, 'promptTokens' | 'tokens' | 'budgetBytes'>;

/** @throws Refused, also if it was stopped */
export async function findLargestBatches(
  { rows }: Experiment,
  wanted: Wanted,
  parts: TimingParts,
  onPlan: (index: number) => void,
): Promise<FoundBatches> {
  const largest: LargestBatch[] = [];
  let adapter = '';
  for (const [index, row] of rows.entries()) {
    onPlan(index);
    const facts = await loadRow(row, parts);
    adapter = adapterTitle(describeAdapter(facts.adapter));
    const { config, mode, kvPrecision, policy } = row;
    const asked = { config, mode, kvPrecision, policy, ...wanted };
    largest.push(valueOf(await parts.engine.largestBatch(asked)));
  }
  return { largest, adapter };
}

/** The sizes to time in every row, and their union for the experiment. */
export function sizesOf(largest: readonly LargestBatch[], most: number) {
  const ofRows = largest.map(({ places }) => sizesUpTo(places, most));
  return { ofRows, union: unionOf(ofRows) };
}

interface PlannedTiming {
  readonly cells: readonly Cell[];
  /** Keys of the sizes that a row has no room for. */
  readonly unwanted: ReadonlySet<string>;
}

async function planTiming(
  experiment: Experiment,
  ofRows: readonly (readonly BatchSize[])[],
  parts: TimingParts,
): Promise<PlannedTiming> {
  const cells = await planExperiment(experiment, parts);
  const unwanted = new Set<string>();
  for (const { keys, measure, rowIndex } of cells) {
    if (measure.kind !== 'speed') continue;
    const shapes = shapesOf(measure);
    const wanted = ofRows[rowIndex] ?? [];
    for (const [item, key] of keys.entries()) {
      const shape = shapes[item % shapes.length];
      if (!shape || !wanted.includes(shape.batch)) unwanted.add(key);
    }
  }
  return { cells, unwanted };
}

/**
 * About how long a timing takes, at most: several sequences at once take less than one after the other.
 *
 * @throws Refused, also if it was stopped
 */
export async function estimateTiming(
  json: unknown,
  ofRows: readonly (readonly BatchSize[])[],
  parts: TimingParts,
): Promise<number> {
  const experiment = readExperiment(json);
  const { unwanted } = await planTiming(experiment, ofRows, parts);
  return (await estimateCost(experiment, parts, unwanted)).ms;
}

export interface TimingRun {
  readonly append: (record: ItemRecord) => void;
  /** Its items are those that are timed. */
  readonly onProgress: (progress: Progress) => void;
}

/** @throws Refused, also if it was stopped. What was appended stays. */
export async function runTiming(
  json: unknown,
  ofRows: readonly (readonly BatchSize[])[],
  parts: TimingParts,
  { append, onProgress }: TimingRun,
): Promise<void> {
  const { cells, unwanted } = await planTiming(readExperiment(json), ofRows, parts);
  await runCells(cells, parts, {
    known: unwanted,
    append,
    onProgress: (progress) => {
      const doneItems = progress.doneItems - unwanted.size;
      const items = progress.items - unwanted.size;
      onProgress({ ...progress, doneItems, items });
    },
  });
}
