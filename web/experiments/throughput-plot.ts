/** Throughput against batch: how much faster all sequences are together, and how many fit into the budget. */
import { shapesOf } from '../../../../worker/laboratory/measure-items.ts';
import type { SpeedMeasure } from '../../../../worker/laboratory/measures.ts';
import { median } from '../../../../worker/laboratory/statistics/moments.ts';
import type { MeasuredSpeed } from '../../../../worker/protocol/measure.ts';
import { words } from '../words.ts';
import type { ChartData } from './chart-data.ts';
import { legendOf, line, MOST_LINES } from './line-plots.ts';
import { linearAxis, logAxis } from './plot-axis.ts';
import type { Plot, PlotPoint } from './plot-figure.ts';
import { tickText } from './tick-text.ts';

const RADIUS = 4;
const LARGEST_RADIUS = 7;

/** A line for each row, at the first lengths that were timed. Null unless some row has two sizes of batch. */
export function throughputPlot({ experiment, records, names }: ChartData): Plot | null {
  const measure = experiment.measures.find((each) => each.kind === 'speed');
  const [shape] = measure ? shapesOf(measure) : [];
  if (!measure || !shape) return null;
  const series = names
    .map((name, row) => {
      const measured = records.flatMap(({ row: each, measure: id, item, measured: found }) =>
        each === row && id === measure.id && found.kind === 'speed' ? [{ item, found }] : [],
      );
      return line(name, pointsOf(measure, shape, measured));
    })
    .filter(({ points }) => points.length > 0)
    .slice(0, MOST_LINES);
  if (!series.some(({ points }) => points.length > 1)) return null;
  const all = series.flatMap(({ points }) => points);
  return {
    title: words.charts.throughputByBatch,
    x: logAxis(
      words.charts.sequences,
      all.map(({ x }) => x),
      tickText,
    ),
    y: linearAxis(
      `${words.charts.tokensPerSec} (${shape.prompt} + ${shape.generate})`,
      all.flatMap(({ y, range }) => [y, ...(range ?? [])]),
      tickText,
      true,
    ),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}

type Shape = ReturnType<typeof shapesOf>[number];

/** The median of the rounds at each size, with their range. The largest batch is larger, and says its size. */
function pointsOf(
  measure: SpeedMeasure,
  { prompt, generate }: Shape,
  measured: readonly { readonly item: number; readonly found: MeasuredSpeed }[],
): readonly PlotPoint[] {
  const shapes = shapesOf(measure);
  return shapes
    .flatMap((shape, i): PlotPoint[] => {
      if (shape.prompt !== prompt || shape.generate !== generate) return [];
      const rounds = measured.filter(({ item }) => item % shapes.length === i).map(({ found }) => found);
      const [first] = rounds;
      if (!first) return [];
      const values = rounds.map(
        ({ batch, prefillMs, decodeMs }) => (1000 * batch * generate) / (prefillMs + decodeMs),
      );
      const y = median(values);
      const isLargest = shape.batch === 'largest';
      if (!Number.isFinite(y)) return [];
      return [
        {
          ...{ x: first.batch, y, range: [Math.min(...values), Math.max(...values)], hollow: false },
          radiusPx: isLargest ? LARGEST_RADIUS : RADIUS,
          label: isLargest ? String(first.batch) : '',
        },
      ];
    })
    .sort((a, b) => a.x - b.x);
}
