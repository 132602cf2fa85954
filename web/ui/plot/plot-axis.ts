/** An axis: where a value lies between 0 and 1, and its ticks. */
export interface PlotAxis {
  readonly label: string;
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

/** Steps between two powers of two, the finer the shorter the axis is. */
const finer = [[1], [1, 1.5], [1, 1.25, 1.5, 1.75]];
const MOST_LOG_TICKS = 7;

/** Powers of two, and steps between them if there are few, with a margin on both sides. */
export function logAxis(
  label: string,
  values: readonly number[],
  format: (value: number) => string,
): PlotAxis {
  const logs = values.filter((value) => value > 0).map(Math.log2);
  const least = Math.min(...logs) - 0.25;
  const most = Math.max(...logs) + 0.25;
  const powers = Array.from(
    { length: Math.floor(most) - Math.floor(least) + 1 },
    (_, i) => 2 ** (Math.floor(least) + i),
  );
  const within = (steps: readonly number[]) =>
    powers
      .flatMap((power) => steps.map((step) => step * power))
      .filter((tick) => Math.log2(tick) >= least && Math.log2(tick) <= most);
  const ticks = finer.map(within).find((each) => each.length >= 3) ?? within(finer.at(-1) ?? [1]);
  const every = Math.max(1, Math.ceil(ticks.length / MOST_LOG_TICKS));
  return {
    label,
    place: (value) => (Math.log2(value) - least) / (most - least),
    ticks: ticks.filter((_, i) => i % every === 0),
    format,
  };
}

/** Round numbers around the values; from 0 on if it is asked for. */
export function linearAxis(
  label: string,
  values: readonly number[],
  format: (value: number) => string,
  fromZero = false,
): PlotAxis {
  const low = Math.min(...values, ...(fromZero ? [0] : []));
  const high = Math.max(...values, ...(fromZero ? [0] : []));
  const rough = Math.max((high - low) / 5, Math.abs(high) * 1e-3, 1e-6);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  const [begin = 0, end = 1] = [ticks[0], ticks.at(-1)];
  return { label, place: (value) => (value - begin) / (end - begin), ticks, format };
}

/** Exactly these values, such as the distances that were measured. */
export function listAxis(
  label: string,
  values: readonly number[],
  format: (value: number) => string,
): PlotAxis {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const [least = 0, most = 1] = [sorted[0], sorted.at(-1)];
  const width = Math.max(most - least, 1e-9);
  const every = Math.max(1, Math.ceil(sorted.length / 10));
  return {
    label,
    place: (value) => 0.03 + (0.94 * (value - least)) / width,
    ticks: sorted.filter((_, i) => i % every === 0),
    format,
  };
}
