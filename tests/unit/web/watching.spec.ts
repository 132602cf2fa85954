import { describe, expect, it } from 'vitest';
import { kernelBars } from '../../../web/panels/charts/kernel-bars.ts';
import { kvSeries, speedSeries } from '../../../web/panels/charts/run-series.ts';
import { formatProbability, printable, shade } from '../../../web/ui/token-words.ts';

describe('the chart of KV', () => {
  it('shows the bytes in the stores at each token, next to those of a plain LLaMA', () => {
    const { x, lines } = kvSeries([60, 64, 64], { promptTokens: 6, plainBytesPerToken: 20 });
    expect(x).toEqual([6, 7, 8]);
    expect(lines[0]?.y).toEqual([60, 64, 64]);
    expect(lines[1]?.y).toEqual([120, 140, 160]);
  });

  it('has few points for a long text, including the last one', () => {
    const kvBytes = Array.from({ length: 100_000 }, (_, i) => i);
    const { x, lines } = kvSeries(kvBytes, { promptTokens: 7, plainBytesPerToken: 20 });
    expect(x.length).toBeLessThanOrEqual(401);
    expect(x.at(-1)).toBe(100_006);
    expect(lines[0]?.y.at(-1)).toBe(99_999);
  });
});

it('the chart of speed averages over tokens that arrive together, and skips intervals of zero time', () => {
  const arrivals = Array.from({ length: 80 }, (_, i) => (i < 40 ? i : 39 + (i - 39) * 2));
  const { x, lines } = speedSeries(arrivals);
  expect(x[0]).toBe(2);
  expect(lines[0]?.y[0]).toBe(1000);
  expect(lines[0]?.y.at(-1)).toBe(500);
  expect(speedSeries([0, 0, 0]).x).toEqual([]);
  // Eleven at a time, one group every 11 ms.
  const grouped = Array.from({ length: 200 }, (_, i) => 11 * Math.floor(i / 11));
  const speeds = speedSeries(grouped).lines[0]?.y.slice(40) ?? [];
  expect(Math.min(...speeds)).toBeGreaterThan(700);
  expect(Math.max(...speeds)).toBeLessThan(1600);
});

it('kernels are sorted by time, with fractions, as a table and as a picture', () => {
  const bars = kernelBars([
    { kernel: 'embed', dispatches: 1, gpuUs: 10 },
    { kernel: 'attend', dispatches: 8, gpuUs: 30 },
  ]);
  expect(bars.map(({ kernel, fraction }) => [kernel, fraction])).toEqual([
    ['attend', 0.75],
    ['embed', 0.25],
  ]);
  expect(kernelBars([{ kernel: 'embed', dispatches: 1, gpuUs: 0 }])[0]?.fraction).toBe(0);
});

it('every token is printed visibly', () => {
  expect(printable({ id: 3, text: ' a\n' })).toBe('␣a⏎');
  expect(printable({ id: 3, text: '' })).toBe('⟨3⟩');
  expect(formatProbability(0.3721)).toBe('37.2 %');
  expect(formatProbability(0.000123)).toBe('0.012 %');
  expect(formatProbability(1e-9)).toBe('< 0.0001 %');
  expect([shade(1), shade(0.001), shade(0)]).toEqual([0, 1, 1]);
});
