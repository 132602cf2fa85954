import { keepEverything } from '../../../gpu/kv/policies/keep-everything.ts';
import type { ModelEntry } from '../../models/model-index.ts';
import type { PlaygroundConfig } from '../../settings/settings.ts';
import { divergenceFigures, formatNats } from '../../ui/divergence-words.ts';
import { formatBits, formatBytes, formatMs, formatTokensPerSec } from '../../ui/format.ts';
import { barFigure, type Bar, type BarGroup } from '../../ui/picture/bar-figure.ts';
import type { Figure } from '../../ui/picture/frame.ts';
import { alike, formatRange, spreadOf } from '../../ui/spread.ts';
import {
  entryOf,
  referenceOf,
  type Compared,
  type Contender,
  type Entry,
  type Measured,
} from './compared.ts';
import { contenderName } from './choices.ts';
import { describeContender } from './describe-contender.ts';
import { words } from './words.ts';

/**
 * A comparison as bars: memory, speeds with their ranges, the distance from the first one, and the quality of plans that
 * models were trained for.
 */
export function comparisonFigure(
  contenders: readonly Contender[],
  result: Compared,
  models: readonly ModelEntry[],
  widthPx?: number,
): Figure {
  const rows = contenders.flatMap((contender, i) => {
    const entry = entryOf(result, contender);
    const label = words.bar(i + 1, contenderName(contender, models));
    const bits = contender.runner === 'kvtab' ? measuredBits(contender.config, models) : null;
    return entry?.run ? [{ label, entry, run: entry.run, bits }] : [];
  });
  const exact = (axis: string, value: (run: Measured) => number): BarGroup => ({
    ...{ axis, format: formatBytes, binary: true },
    bars: rows.map(({ label, run }) => ({
      ...{ label, value: value(run), range: null },
      text: formatBytes(value(run)),
    })),
  });
  const timed = (
    axis: string,
    values: (run: Measured) => readonly number[],
    format: (value: number) => string,
  ) => {
    const reference = referenceOf(result);
    const first = reference?.run ? spreadOf(values(reference.run)) : null;
    const bars = rows.map(({ label, entry, run }): Bar => {
      const spread = spreadOf(values(run));
      if (!spread) return { label, value: null, range: null, text: '–' };
      const same = first && entry.contender !== reference?.contender && alike(spread, first);
      return {
        ...{ label, value: spread.median, range: [spread.least, spread.most] },
        text: `${same ? '≈ ' : ''}${format(spread.median)} (${words.range(formatRange(spread, format), spread.count)})`,
      };
    });
    return { axis, format, binary: false, bars };
  };
  const groups: readonly BarGroup[] = [
    exact(words.kvPerToken, ({ kvBytesPerToken }) => kvBytesPerToken),
    exact(words.kvInUse, ({ kvBytes }) => kvBytes),
    timed(words.decodeAxis, ({ decodeTokensPerSec }) => decodeTokensPerSec, formatTokensPerSec),
    timed(words.prefillAxis, ({ prefillMs }) => prefillMs, formatMs),
    // Left out if nobody has any.
    ...[
      {
        ...{ axis: words.klAxis, format: formatNats, binary: false },
        bars: rows.map(({ label, entry }) => klBar(label, entry)),
      },
      {
        ...{ axis: words.bitsAxis, format: (bits: number) => String(bits), binary: false },
        bars: rows.map(({ label, bits }) => ({
          ...{ label, value: bits, range: null },
          text: bits === null ? words.notMeasured : formatBits(bits, 3),
        })),
      },
    ].filter(({ bars }) => bars.some(({ value }) => value !== null)),
  ];
  return barFigure(words.figure, groups, [], widthPx);
}

/** What held-out text took a model under the plan that it was trained for; null under any other set-up. */
function measuredBits(
  { model, layerTypes, policy }: Readonly<PlaygroundConfig>,
  models: readonly ModelEntry[],
): number | null {
  const entry = models.find(({ id }) => id === model);
  const asTrained = entry?.stored.layerTypes === layerTypes.trim() && policy === keepEverything.id;
  return asTrained ? (entry.measured?.bitsPerByte ?? null) : null;
}

function klBar(label: string, { divergence, beside }: Entry): Bar {
  const figures = divergence && divergenceFigures(divergence);
  return figures
    ? { label, value: figures.meanKl, range: null, text: words.nats(formatNats(figures.meanKl)) }
    : { label, value: null, range: null, text: beside ? words.notMeasured : words.isFirst };
}

/** What stands below the picture: what was asked, and who the contenders are. */
export const comparisonCaption = (contenders: readonly Contender[], result: Compared): readonly string[] => [
  words.captionPrompt(result.prompt),
  result.common,
  ...contenders.map((contender, i) => {
    const { config } = contender;
    const adapter = entryOf(result, contender)?.run?.adapter;
    const settings = describeContender(contender);
    return words.captionContender(i + 1, config.model, config.layerTypes, settings, adapter ?? null);
  }),
  words.rangesMean,
];
