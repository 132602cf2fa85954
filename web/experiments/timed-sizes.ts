import { shapesOf } from '../../worker/laboratory/measure-items.ts';
import type { Experiment } from '../../worker/laboratory/experiment.ts';
import type { SpeedMeasure } from '../../worker/laboratory/measures.ts';
import type { ItemRecord } from '../../worker/laboratory/records.ts';
import type { MeasuredSpeed, SpeedItem } from '../../worker/protocol/measure.ts';

/** An experiment that times something, and what is known of it. */
export interface Timed {
  readonly experiment: Experiment;
  readonly records: readonly ItemRecord[];
}

/** What was timed of so many sequences at once, under one row. */
export interface TimedSize {
  readonly batch: number;
  /** Whether the experiment asks for the largest batch here. */
  readonly isLargest: boolean;
  /** At least one, in the order of the rounds. */
  readonly rounds: readonly MeasuredSpeed[];
  /** New tokens of all sequences per second, prompts included, of each round. */
  readonly tokensPerSec: readonly number[];
}

export type Lengths = Pick<SpeedItem, 'prompt' | 'generate'>;

/** The lengths that are timed first; null if the experiment times nothing. */
export function firstLengths(experiment: Experiment): Lengths | null {
  const measure = speedMeasure(experiment);
  return (measure && shapesOf(measure)[0]) ?? null;
}

export const speedMeasure = ({ measures }: Experiment): SpeedMeasure | undefined =>
  measures.find((measure) => measure.kind === 'speed');

/** The sizes that were timed in a row at the first lengths, the smallest first. */
export function timedSizes({ experiment, records }: Timed, row: number): readonly TimedSize[] {
  const measure = speedMeasure(experiment);
  const lengths = firstLengths(experiment);
  if (!measure || !lengths) return [];
  const shapes = shapesOf(measure);
  return shapes
    .flatMap(({ prompt, generate, batch: asked }, i): TimedSize[] => {
      if (prompt !== lengths.prompt || generate !== lengths.generate) return [];
      const rounds = records.flatMap(({ row: each, measure: id, item, measured }) =>
        each === row && id === measure.id && item % shapes.length === i && measured.kind === 'speed'
          ? [measured]
          : [],
      );
      const [first] = rounds;
      if (!first) return [];
      const tokensPerSec = rounds
        .map(({ batch, prefillMs, decodeMs }) => (1000 * batch * generate) / (prefillMs + decodeMs))
        .filter(Number.isFinite);
      if (tokensPerSec.length === 0) return [];
      return [{ batch: first.batch, isLargest: asked === 'largest', rounds, tokensPerSec }];
    })
    .sort((a, b) => a.batch - b.batch);
}
