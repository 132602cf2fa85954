import type { Figure } from '../../../ui/picture/frame.ts';
import { words } from '../words.ts';
import { bytesFigure, throughputFigure } from './bar-charts.ts';
import type { ChartData } from './chart-data.ts';
import { budgetPlot, hiddenPlot, recallPlot } from './line-plots.ts';
import { paretoPlot } from './pareto.ts';
import { plotFigure, type Plot } from '../../../ui/plot/plot-figure.ts';
import { throughputPlot } from '../../../experiments/throughput-plot.ts';

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What has to be said below it; empty for nothing. */
  readonly note: string;
  readonly draw: (widthPx: number) => Figure;
}

const plotChart = (id: string, plot: Plot | null, note = ''): readonly Chart[] =>
  plot ? [{ id, title: plot.title, note, draw: (widthPx) => plotFigure(plot, widthPx) }] : [];

/** The charts that the results have something for. */
export function chartsOf(data: ChartData): readonly Chart[] {
  const { charts } = words;
  const throughput = throughputFigure(data, 720);
  const bytes = bytesFigure(data, 720);
  return [
    ...plotChart('pareto', paretoPlot(data)),
    ...plotChart('budget', budgetPlot(data)),
    ...plotChart('recall', recallPlot(data)),
    ...plotChart('batch', throughputPlot(data), charts.batchNote),
    ...(throughput
      ? [
          {
            ...{ id: 'throughput', title: charts.throughput, note: '' },
            draw: (widthPx: number) => throughputFigure(data, widthPx) ?? throughput,
          },
        ]
      : []),
    ...(bytes
      ? [
          {
            ...{ id: 'bytes', title: charts.bytes, note: '' },
            draw: (widthPx: number) => bytesFigure(data, widthPx) ?? bytes,
          },
        ]
      : []),
    ...plotChart(
      'matrix-norm',
      hiddenPlot(data, charts.matrixNorm, charts.perToken, ({ matrixNuclearNorm }) => matrixNuclearNorm),
      charts.normNote,
    ),
    ...plotChart(
      'nuclear-norm',
      hiddenPlot(data, charts.exactNorm, charts.perToken, ({ nuclearNorm }) => nuclearNorm),
    ),
    ...plotChart(
      'entropy',
      hiddenPlot(data, charts.entropy, charts.entropyAxis, ({ entropy }) => entropy),
    ),
  ];
}
