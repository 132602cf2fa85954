import { asCsv, type Cell } from '../../../worker/csv.ts';
import type { MeasuredSpeed } from '../../../worker/protocol/measure.ts';
import type { TimedSize } from '../../experiments/timed-sizes.ts';
import { spreadOf } from '../../ui/spread.ts';
import { askedOf, type TimedPlans } from './timed-plans.ts';
import { timingRows, type TimingRow } from './timing-rows.ts';

const header = [
  ...['plan', 'model', 'layerTypes', 'promptTokens', 'newTokens', 'budgetBytes'],
  ...['largestBatch', 'weightBytes', 'kvBytesAtLargest', 'scratchBytesAtLargest', 'missingBytesForOneMore'],
  ...['sequences', 'atOnce', 'rounds', 'tokensPerSecMedian', 'tokensPerSecLeast', 'tokensPerSecMost'],
  ...['prefillMsMedian', 'decodeMsMedian', 'kvBytesInUse', 'kvBytesAllocated', 'scratchBytes'],
  ...['settings', 'adapter', 'build', 'endedAt'],
];

/** A result, one line for each size of each plan. A plan that was not timed has one line with its largest batch. */
export function timingAsCsv(result: TimedPlans): string {
  const asked = askedOf(result);
  if (!asked) return asCsv([header]);
  const settings = JSON.stringify(result.json['base'] ?? {});
  const last = [settings, result.adapter, result.build, new Date(result.endedAt).toISOString()];
  const lines = timingRows(result).flatMap((row) => {
    const { name, model, layerTypes, largest } = row;
    const of = [name, model, layerTypes, asked.prompt, asked.generate, asked.budgetBytes];
    const fits = [
      ...[largest.places, largest.weightBytes, largest.kvBytes],
      ...[largest.scratchBytes, largest.missingBytes],
    ];
    return timedCells(row).map((cells) => [...of, ...fits, ...cells, ...last]);
  });
  return asCsv([header, ...lines]);
}

const UNTIMED = 11;

const timedCells = ({ sizes }: TimingRow): readonly (readonly Cell[])[] =>
  sizes.length === 0 ? [Array.from({ length: UNTIMED }, () => null)] : sizes.map(cellsOf);

function cellsOf({ batch, rounds, tokensPerSec }: TimedSize): readonly Cell[] {
  const speed = spreadOf(tokensPerSec);
  const medianOf = (value: (round: MeasuredSpeed) => number) => spreadOf(rounds.map(value))?.median ?? null;
  const [first] = rounds;
  return [
    ...[batch, first?.places ?? null, rounds.length],
    ...[speed?.median ?? null, speed?.least ?? null, speed?.most ?? null],
    ...[medianOf(({ prefillMs }) => prefillMs), medianOf(({ decodeMs }) => decodeMs)],
    ...[first?.kvBytes ?? null, first?.kvBytesAllocated ?? null, first?.scratchBytes ?? null],
  ];
}
