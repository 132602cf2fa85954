import type { Evaluated } from '../../../worker/protocol/heal.ts';
import { legendOf, line } from '../../ui/plot/line-series.ts';
import { linearAxis } from '../../ui/plot/plot-axis.ts';
import type { Plot } from '../../ui/plot/plot-figure.ts';
import type { Pace } from './healer.svelte.ts';
import { tickText } from '../../ui/plot/tick-text.ts';
import { words } from './words.ts';

/** More points than this are one line. */
const MOST_POINTS = 200;

const whole = (value: number) => value.toLocaleString('en');

/** Held-out bits per byte against steps, and the shipped member as a level; null before the first evaluation. */
export function bitsPlot(
  evaluations: readonly Evaluated[],
  member: { readonly id: string; readonly bitsPerByte: number } | null,
  steps: number,
): Plot | null {
  if (evaluations.length === 0) return null;
  const points = evaluations.map(({ step, bitsPerByte }, i) => ({
    ...{ x: step, y: bitsPerByte, range: null, radiusPx: 5 },
    // The hollow dot is where the healing is now.
    hollow: i === evaluations.length - 1,
    label: '',
  }));
  const series = [
    line(words.heldOut, points),
    ...(member
      ? [{ label: words.member(member.id), points: [], joined: false, level: member.bitsPerByte }]
      : []),
  ];
  const bits = [
    ...evaluations.map(({ bitsPerByte }) => bitsPerByte),
    ...(member ? [member.bitsPerByte] : []),
  ];
  return {
    title: words.bitsTitle,
    x: linearAxis(words.stepsAxis, [0, steps], whole),
    y: linearAxis(words.bitsAxis, bits, tickText),
    ...{ series, frontier: [], legend: legendOf(series) },
  };
}

/** The loss of the steps' own tokens; null before the second step. */
export function lossPlot(losses: readonly Pace[], steps: number): Plot | null {
  if (losses.length < 2) return null;
  const every = Math.ceil(losses.length / MOST_POINTS);
  const points = losses
    .filter((_, i) => i % every === 0 || i === losses.length - 1)
    .map(({ step, natsPerToken }) => ({
      ...{ x: step, y: natsPerToken, range: null, radiusPx: 1.5, hollow: false, label: '' },
    }));
  const series = [line(words.loss, points)];
  return {
    title: words.lossTitle,
    x: linearAxis(words.stepsAxis, [0, steps], whole),
    y: linearAxis(
      words.lossAxis,
      losses.map(({ natsPerToken }) => natsPerToken),
      tickText,
    ),
    ...{ series, frontier: [], legend: [] },
  };
}
