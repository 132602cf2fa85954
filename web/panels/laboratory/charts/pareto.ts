import { formatBytes } from '../../../ui/format.ts';
import { light } from '../../../ui/picture/shapes.ts';
import { words } from '../words.ts';
import { kvColumn, qualityColumns, rangeOf, type ChartData } from './chart-data.ts';
import { linearAxis, logAxis } from '../../../ui/plot/plot-axis.ts';
import type { Plot, PlotPoint } from '../../../ui/plot/plot-figure.ts';
import { tickText } from '../../../ui/plot/tick-text.ts';

const RADIUS = 5;
const LARGEST = 11;

interface ParetoPoint {
  readonly x: number;
  readonly y: number;
}

/** Whether another point needs no more bytes and predicts no worse, and is better in one of the two. */
export const isDominated = (
  point: ParetoPoint,
  others: readonly ParetoPoint[],
  higherIsBetter: boolean,
): boolean =>
  others.some((other) => {
    const better = higherIsBetter ? other.y - point.y : point.y - other.y;
    return other.x <= point.x && better >= 0 && (other.x < point.x || better > 0);
  });

/** Quality against KV; null if fewer than two rows have both. */
export function paretoPlot({ summary, names, experiment }: ChartData): Plot | null {
  const [quality] = qualityColumns(summary);
  const kv = quality && kvColumn(summary, quality.measure);
  if (!quality || !kv) return null;
  const higherIsBetter = quality.higherIsBetter ?? true;
  const speeds = summary.columns.find(({ name }) => name.startsWith('throughput'))?.figures ?? [];
  const fastest = Math.max(...speeds.map(({ value }) => value ?? 0));
  const found = experiment.rows.flatMap((_, row) => {
    const [figure, x] = [quality.figures[row], kv.figures[row]?.value];
    if (!figure || figure.value === null || !x) return [];
    const speed = speeds[row]?.value ?? null;
    const radiusPx = speed === null ? RADIUS : 3 + (LARGEST - 3) * Math.sqrt(speed / fastest);
    return [{ x, y: figure.value, range: rangeOf(figure), radiusPx, label: names[row] ?? '' }];
  });
  if (found.length < 2) return null;
  const points = found.map((point): PlotPoint => ({
    ...point,
    hollow: isDominated(point, found, higherIsBetter),
  }));
  const frontier = points.filter(({ hollow }) => !hollow).sort((a, b) => a.x - b.x);
  const bounds = points.flatMap(({ y, range }) => [y, ...(range ?? [])]);
  const color = '#14665a';
  return {
    title: words.charts.pareto,
    x: logAxis(
      words.charts.kvBytes,
      points.map(({ x }) => x),
      formatBytes,
    ),
    y: linearAxis(`${quality.measure}: ${quality.name}`, bounds, tickText),
    series: [{ label: quality.name, points, joined: false, level: null }],
    frontier,
    legend: [
      { label: words.charts.notDominated, color, mark: 'box' },
      { label: words.charts.dominated, color, mark: 'outlined box' },
      ...(fastest > 0 ? [{ label: words.charts.sizeIsSpeed, color: light.soft, mark: 'box' as const }] : []),
    ],
  };
}
