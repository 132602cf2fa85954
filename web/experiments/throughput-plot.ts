/** Throughput against batch: how much faster all sequences are together, and how many fit into the budget. */
import { median } from '../../worker/laboratory/statistics/moments.ts';
import { legendOf, line, MOST_LINES } from '../ui/plot/line-series.ts';
import { linearAxis, logAxis } from '../ui/plot/plot-axis.ts';
import type { Plot, PlotPoint } from '../ui/plot/plot-figure.ts';
import { tickText } from '../ui/plot/tick-text.ts';
import { firstLengths, timedSizes, type Timed, type TimedSize } from './timed-sizes.ts';
import { words } from './words.ts';

const RADIUS = 4;
const LARGEST_RADIUS = 7;

/**
 * A line for each row, at the first lengths that were timed. Null unless some row has two sizes of batch.
 *
 * @param largestOf the largest batch of a row, if it is known although nobody timed it
 */
export function throughputPlot(
  { names, ...timed }: Timed & { readonly names: readonly string[] },
  largestOf: (row: number) => number | null = () => null,
): Plot | null {
  const lengths = firstLengths(timed.experiment);
  if (!lengths) return null;
  const series = names
    .map((name, row) => {
      const largest = largestOf(row);
      const points = pointsOf(timedSizes(timed, row), largest);
      const more = largest !== null && points.at(-1)?.hollow === true;
      return line(more ? words.throughput.fit(name, largest) : name, points);
    })
    .filter(({ points }) => points.length > 0)
    .slice(0, MOST_LINES);
  if (!series.some(({ points }) => points.length > 1)) return null;
  const all = series.flatMap(({ points }) => points);
  return {
    title: words.throughput.title,
    x: logAxis(
      words.throughput.sequences,
      all.map(({ x }) => x),
      tickText,
    ),
    y: linearAxis(
      words.throughput.tokensPerSec(lengths.prompt, lengths.generate),
      all.flatMap(({ y, range }) => [y, ...(range ?? [])]),
      tickText,
      true,
    ),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}

/**
 * The median of the rounds at each size, with their range. The largest batch is a larger point that says its size. If
 * more fit than were timed, the last point is hollow: how many is for the legend, because such points share a place.
 */
function pointsOf(sizes: readonly TimedSize[], largest: number | null): readonly PlotPoint[] {
  return sizes.map(({ batch, isLargest, tokensPerSec }, i) => {
    const isLast = i === sizes.length - 1;
    const ofMore = isLast && !isLargest && largest !== null && largest > batch;
    return {
      ...{ x: batch, y: median(tokensPerSec) },
      range: [Math.min(...tokensPerSec), Math.max(...tokensPerSec)],
      hollow: ofMore,
      radiusPx: isLargest ? LARGEST_RADIUS : RADIUS,
      label: isLargest ? String(batch) : '',
    };
  });
}
