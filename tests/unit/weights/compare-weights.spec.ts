import { expect, it } from 'vitest';
import { compareWeights, tableOf } from '../../../tools/weights/compare-weights.ts';
import { openEngine } from '../worker/engines.ts';

it('weights of every format are scored on the same text and timed, 16-bit weights first', async () => {
  const { engine } = openEngine();
  const progress: string[] = [];
  const windows = [
    [0, 40, 300, 12, 77, 501, 9, 33],
    [0, 7, 8, 9, 10, 11],
  ];
  const comparison = await compareWeights(
    engine,
    { model: 'fairy-lckv', backend: 'cpu', windows, newTokens: 3, rounds: 1 },
    (what) => progress.push(what),
  );
  expect(comparison).toMatchObject({ model: 'fairy-lckv', windows: 2, scoredTokens: 12, rounds: 1 });
  expect(progress).toHaveLength(7);
  const [f16, q8, q8All, q4, q4All, w4a8, w4a8All] = comparison.formats;
  expect(f16).toMatchObject({ weights: 'f16', natsMore: 0, timesAsFast: 1 });
  // The quantized numbers differ, but only as much as their bits allow.
  for (const one of [q8, q8All]) {
    expect(one?.weights).toBe('q8');
    expect(Math.abs(one?.natsMore ?? NaN)).toBeGreaterThan(0);
    expect(Math.abs(one?.natsMore ?? NaN)).toBeLessThan(0.05);
  }
  for (const one of [q4, q4All]) expect(Math.abs(one?.natsMore ?? NaN)).toBeLessThan(1);
  // Inputs of 8 bits move the likelihoods, by less than 4 bits do.
  for (const [rounding, exact] of [
    [w4a8, q4],
    [w4a8All, q4All],
  ]) {
    expect(rounding?.weights).toBe('w4a8');
    expect(rounding?.weightBytes).toBe(exact?.weightBytes);
    const moved = Math.abs((rounding?.natsPerToken ?? NaN) - (exact?.natsPerToken ?? NaN));
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(0.05);
  }
  expect(q8?.natsPerToken).not.toBe(q8All?.natsPerToken);
  expect(q4?.natsPerToken).not.toBe(q4All?.natsPerToken);
  expect(comparison.formats.every((one) => one.decodeTokensPerSec > 0)).toBe(true);
  expect(tableOf(comparison).split('\n')).toHaveLength(9);
});
