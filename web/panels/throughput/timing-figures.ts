/** The two pictures of a result. */
import type { Figure } from '../../ui/picture/frame.ts';
import { light } from '../../ui/picture/shapes.ts';
import { plotFigure } from '../../ui/plot/plot-figure.ts';
import { stackedBytes } from '../../ui/plot/stacked-bytes.ts';
import { throughputPlot } from '../../experiments/throughput-plot.ts';
import { askedOf, type TimedPlans } from './timed-plans.ts';
import { words } from './words.ts';

/** Throughput against batch; null until two sizes of a plan were timed. */
export function throughputFigure(result: TimedPlans, widthPx: number): Figure | null {
  const asked = askedOf(result);
  if (!asked) return null;
  const plot = throughputPlot(
    {
      experiment: asked.experiment,
      records: result.records,
      names: result.plans.map(({ name }) => name),
    },
    (row) => result.largest[row]?.places ?? null,
  );
  return plot && plotFigure(plot, widthPx);
}

/** What the largest batch of each plan takes of the budget. */
export function bytesFigure(result: TimedPlans, widthPx: number): Figure {
  const budgetBytes = askedOf(result)?.budgetBytes ?? 0;
  return stackedBytes(
    {
      title: words.bytes.title,
      parts: [
        { label: words.bytes.weights, color: light.soft },
        { label: words.bytes.kv, color: light.accent },
        { label: words.bytes.scratch, color: light.ink },
      ],
      bars: result.plans.map(({ name }, i) => {
        const { places = 0, weightBytes = 0, kvBytes = 0, scratchBytes = 0 } = result.largest[i] ?? {};
        return { label: words.bytes.bar(name, places), bytes: [weightBytes, kvBytes, scratchBytes] };
      }),
      limit: { label: words.bytes.budget, bytes: budgetBytes },
    },
    widthPx,
  );
}
