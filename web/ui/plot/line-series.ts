import type { Plot, PlotPoint, PlotSeries } from './plot-figure.ts';
import { lookOf } from './series-look.ts';

/** More lines cannot be told apart. */
export const MOST_LINES = 8;

export const line = (label: string, points: readonly PlotPoint[]): PlotSeries => ({
  ...{ label, points, joined: true, level: null },
});

export const legendOf = (series: readonly PlotSeries[]): Plot['legend'] =>
  series.map(({ label, level }, i) => {
    const { color, ...look } = lookOf(i);
    if (level !== null) return { label, color, mark: 'dashed line' };
    return { label, color, mark: look.dash.length > 0 ? 'dashed line' : 'line', look };
  });
