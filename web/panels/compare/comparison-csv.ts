import { keysWhere } from '../../../worker/settings/values.ts';
import { asCsv } from '../../../worker/csv.ts';
import { divergenceFigures } from '../../ui/divergence-words.ts';
import { spreadOf } from '../../ui/spread.ts';
import { entryOf, type BesideKvtab, type Compared, type Contender } from './compared.ts';
import { engineOptions } from '../../experiments/peers/peer-words.ts';

/** A comparison, one line per contender, with what they had in common in every line. */
export function comparisonAsCsv(contenders: readonly Contender[], result: Compared): string {
  const set = keysWhere((row) => row.compared);
  const header = [
    ...['configuration', 'engine', ...set, 'prompt', 'common', 'build', 'endedAt'],
    ...['adapter', 'modeThatRan', 'newTokens', 'kvBytes', 'kvBytesPerToken', 'rounds'],
    ...['prefillMsMedian', 'prefillMsLeast', 'prefillMsMost'],
    ...['decodeTokensPerSecMedian', 'decodeTokensPerSecLeast', 'decodeTokensPerSecMost'],
    ...['positions', 'top1Agreement', 'meanKlNats', 'maxKlNats', 'failure', 'text'],
    ...['allocatedBytes', 'engineVersion', 'engineOptions', 'promptTokens', 'tokensCompared'],
    ...['firstDifference', 'heapBytes', 'gpuBytes', 'adapterDetail'],
  ];
  const rows = contenders.map((contender, i) => {
    const { config } = contender;
    const entry = entryOf(result, contender);
    const run = entry?.run;
    const figures = entry?.divergence ? divergenceFigures(entry.divergence) : null;
    const spread = (values: readonly number[] | undefined) => {
      const found = spreadOf(values ?? []);
      return [found?.median ?? null, found?.least ?? null, found?.most ?? null];
    };
    return [
      ...[i + 1, contender.runner, ...set.map((key) => config[key])],
      ...[result.prompt, result.common, result.build, new Date(result.endedAt).toISOString()],
      ...[run?.adapter ?? null, run?.mode ?? null, run?.newTokens ?? null],
      ...[run?.kvBytes ?? null, run?.kvBytesPerToken ?? null, run?.decodeTokensPerSec.length ?? null],
      ...spread(run?.prefillMs),
      ...spread(run?.decodeTokensPerSec),
      ...[entry?.divergence?.kl.length ?? null, figures?.agreement ?? null],
      ...[figures?.meanKl ?? null, figures?.maxKl ?? null, entry?.failure ?? null, run?.text ?? null],
      ...[run?.allocatedBytes ?? null, ...besideCells(entry?.beside ?? null)],
      run?.adapterDetail ?? null,
    ];
  });
  return asCsv([header, ...rows]);
}

const besideCells = (beside: BesideKvtab | null) => [
  ...[beside?.facts.program ?? null, beside && engineOptions(beside.facts)],
  ...[beside?.promptTokens ?? null, beside?.tokens ?? null, beside?.difference?.at ?? null],
  ...[beside?.memory.heapBytes ?? null, beside?.memory.gpuBytes ?? null],
];
