/** The charts whose rows are lines: quality against budget, recall against distance, hidden states by layer. */
import type { HiddenMeasures } from '../../../../worker/protocol/measure.ts';
import { words } from '../words.ts';
import { budgetOf, qualityColumns, rangeOf, type ChartData } from './chart-data.ts';
import { legendOf, line, MOST_LINES } from '../../../ui/plot/line-series.ts';
import { linearAxis, listAxis, logAxis } from '../../../ui/plot/plot-axis.ts';
import type { Plot, PlotPoint, PlotSeries } from '../../../ui/plot/plot-figure.ts';
import { tickText } from '../../../ui/plot/tick-text.ts';

const pointAt = (x: number, y: number, range: PlotPoint['range'] = null): PlotPoint => ({
  ...{ x, y, range, radiusPx: 4, hollow: false, label: '' },
});

const boundsOf = (series: readonly PlotSeries[]) =>
  series.flatMap(({ points, level }) => [
    ...(level === null ? [] : [level]),
    ...points.flatMap(({ y, range }) => [y, ...(range ?? [])]),
  ]);

/** A line for each policy; what keeps everything is a level. Null if fewer than two budgets are known. */
export function budgetPlot({ experiment, summary }: ChartData): Plot | null {
  const [quality] = qualityColumns(summary);
  if (!quality) return null;
  const byPolicy = new Map<string, PlotPoint[]>();
  let level: number | null = null;
  for (const [i, row] of experiment.rows.entries()) {
    const figure = quality.figures[i];
    if (!figure || figure.value === null) continue;
    const budget = budgetOf(row);
    if (budget === null) {
      if (row.policy.id === 'none') level ??= figure.value;
      continue;
    }
    const points = byPolicy.get(row.policy.id) ?? [];
    byPolicy.set(row.policy.id, [...points, pointAt(budget, figure.value, rangeOf(figure))]);
  }
  const lines = [...byPolicy].map(([id, points]) =>
    line(
      id,
      points.toSorted((a, b) => a.x - b.x),
    ),
  );
  const budgets = lines.flatMap(({ points }) => points.map(({ x }) => x));
  if (new Set(budgets).size < 2) return null;
  const all = { label: words.charts.keepsAll, points: [], joined: false, level };
  const series = level === null ? lines : [...lines, all];
  return {
    title: words.charts.budget,
    x: logAxis(words.charts.rowsKept, budgets, String),
    y: linearAxis(`${quality.measure}: ${quality.name}`, boundsOf(series), tickText),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}

/** A line for each row. Null unless recall was asked for at two distances. */
export function recallPlot({ summary, names }: ChartData): Plot | null {
  const columns = summary.columns.flatMap(({ name, figures }) => {
    const [, distance] = /^recall at (\d+) tokens$/.exec(name) ?? [];
    return distance === undefined ? [] : [{ distance: Number(distance), figures }];
  });
  if (columns.length < 2) return null;
  const series = names
    .map((name, row) =>
      line(
        name,
        columns.flatMap(({ distance, figures }) => {
          const figure = figures[row];
          return figure && figure.value !== null ? [pointAt(distance, figure.value, rangeOf(figure))] : [];
        }),
      ),
    )
    .filter(({ points }) => points.length > 0)
    .slice(0, MOST_LINES);
  if (series.length === 0) return null;
  const distances = columns.map(({ distance }) => distance);
  return {
    title: words.charts.recall,
    x: listAxis(words.charts.distance, distances, String),
    y: linearAxis(words.charts.nats, boundsOf(series), tickText, true),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}

/** A line for each row, the mean over its items. Null if no hidden states were measured. */
export function hiddenPlot(
  { records, names }: ChartData,
  title: string,
  yLabel: string,
  of: (state: HiddenMeasures) => number | null,
): Plot | null {
  const series = names
    .map((name, row) => {
      const states = records.flatMap(({ row: each, measured }) =>
        each === row && measured.kind === 'hidden' ? [measured.states] : [],
      );
      const layers = Math.max(0, ...states.map(({ length }) => length));
      const points = Array.from({ length: layers }, (_, layer) => {
        const values = states.flatMap((all) => {
          const state = all[layer];
          return (state && of(state)) ?? [];
        });
        const sum = values.reduce((total, value) => total + value, 0);
        return values.length > 0 ? [pointAt(layer, sum / values.length)] : [];
      });
      return line(name, points.flat());
    })
    .filter(({ points }) => points.length > 0)
    .slice(0, MOST_LINES);
  if (series.length === 0) return null;
  const layers = series.flatMap(({ points }) => points.map(({ x }) => x));
  return {
    title,
    x: listAxis(words.charts.layer, layers, String),
    y: linearAxis(yLabel, boundsOf(series), tickText),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}
