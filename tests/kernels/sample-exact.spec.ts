import { runningIn } from '#platform';
import { describe, expect, it } from 'vitest';
import { greedy, type SamplingOptions } from '../../gpu/plan/sampling.ts';
import { drawBits } from '../../gpu/cpu/random.ts';
import { penalized, sampleWith } from '../../gpu/cpu/sampler.ts';
import { drawText } from '../support/gpu-sampler.ts';
import { context, randomFloats } from '../support/kernels.ts';
import { sampleOf } from '../support/samples.ts';

/** Every combination of settings on and off. */
const combinations: readonly SamplingOptions[] = [0, 0.7, 1.6].flatMap((temperature) =>
  [0, 1, 40].flatMap((topK) =>
    [1, 0.9, 0.25].flatMap((topP) =>
      [0, 0.03].flatMap((minP) =>
        [1, 1.3].map((repetitionPenalty) => ({ temperature, topK, topP, minP, repetitionPenalty, seed: 0 })),
      ),
    ),
  ),
);

// SwiftShader in a page takes half a second for one draw from the largest vocabulary.
const vocabularies =
  runningIn === 'node'
    ? [
        { vocabSize: 131, draws: 1000 },
        { vocabSize: 32_000, draws: sampleOf({ all: 1000, node: 324, chromium: 108 }) },
        { vocabSize: 151_936, draws: sampleOf({ all: 1000, node: 108, chromium: 0 }) },
      ]
    : [
        { vocabSize: 131, draws: 1000 },
        { vocabSize: 32_000, draws: 108 },
      ];

/** How close a deciding comparison is if GPU and CPU differ: the draw, a limit of top-p or min-p, a tie. */
const near = 1e-5;

// One workgroup for a row, and several as on a GPU.
const shapes = [false, true].flatMap((shared) =>
  vocabularies
    .map((each) => ({ ...each, shared, draws: shared ? Math.min(54, each.draws) : each.draws }))
    .filter((each) => runningIn === 'node' || !shared || each.vocabSize > 131),
);

describe('The sampler', () => {
  it.each(shapes)(
    'draws $draws times the token of its twin from $vocabSize, shared: $shared',
    async ({ vocabSize, draws, shared }) => {
      const logits = randomFloats(vocabSize, 12);
      const settings = Array.from({ length: draws }, (_, i) => ({
        // Few draws have settings of all kinds, too.
        ...(combinations[(5 * i) % combinations.length] ?? greedy),
        seed: 1000 + i,
      }));
      const text = await drawText(await context(), logits, settings, shared);

      let apart = 0;
      for (const [i, setting] of settings.entries()) {
        const history = text.slice(0, i + 1);
        const bits = drawBits(setting.seed, i + 1);
        const got = text[i + 1] ?? -1;
        if (got === sampleWith(logits, history, bits, setting)) continue;
        apart++;
        const excused = neighbours(setting, bits).some(
          ([options, shifted]) => sampleWith(logits, history, shifted, options) === got,
        );
        const tied = isTie(penalized(logits, history, setting.repetitionPenalty), got, setting);
        expect(excused || tied, `draw ${i}, ${JSON.stringify(setting)}, got ${got}`).toBe(true);
      }
      // Two different algorithms would differ more often than once in a hundred draws.
      expect(apart).toBeLessThanOrEqual(draws / 100);
    },
    600_000,
  );

  it('draws each token as often as its probability says', async () => {
    const logits = randomFloats(131, 3);
    const draws = 4000;
    const setting = { ...greedy, temperature: 1.2, seed: 77 };
    const text = await drawText(await context(), logits, Array<SamplingOptions>(draws).fill(setting));

    const weights = [...logits].map((logit) => Math.exp(logit / 1.2));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = new Array<number>(131).fill(0);
    for (const token of text.slice(1)) counts[token] = (counts[token] ?? 0) + 1;
    const cells = weights.map((weight, token) => ({
      expected: (draws * weight) / total,
      counted: counts[token] ?? 0,
    }));
    // The usual rule: cells of at least five, and all others as one.
    const large = cells.filter(({ expected }) => expected >= 5);
    const small = cells.filter(({ expected }) => expected < 5);
    const rest = {
      expected: small.reduce((sum, cell) => sum + cell.expected, 0),
      counted: small.reduce((sum, cell) => sum + cell.counted, 0),
    };
    const all = rest.expected > 0 ? [...large, rest] : large;
    const chiSquared = all.reduce(
      (sum, { expected, counted }) => sum + (counted - expected) ** 2 / expected,
      0,
    );
    const freedom = all.length - 1;
    // The normal approximation of Wilson and Hilferty, 3.7 deviations: one in ten thousand. The seed is fixed.
    const bound = freedom * (1 - 2 / (9 * freedom) + 3.7 * Math.sqrt(2 / (9 * freedom))) ** 3;
    expect(chiSquared).toBeLessThan(bound);
    expect(chiSquared).toBeGreaterThan(freedom / 2); // not too good to be random either
  });

  it('always draws the same text for the same request', async () => {
    const logits = randomFloats(32_000, 8);
    const settings = Array.from({ length: 40 }, (_, i) => ({
      ...greedy,
      temperature: 1,
      topP: 0.95,
      seed: i,
    }));
    const once = await drawText(await context(), logits, settings);
    expect(await drawText(await context(), logits, settings)).toEqual(once);
  });
});

/** The settings and bits next to the given ones. */
function neighbours(options: SamplingOptions, bits: number): [SamplingOptions, number][] {
  const shift = Math.ceil(near * 2 ** 32);
  const nearBits = [bits, Math.max(0, bits - shift), Math.min(2 ** 32 - 1, bits + shift)];
  const nearOptions = [
    options,
    ...[-near, near].flatMap((by) => [
      { ...options, topP: Math.min(1, Math.max(0, options.topP + by)) },
      { ...options, minP: options.minP * (1 + by) },
    ]),
  ];
  return nearOptions.flatMap((option) => nearBits.map((bit): [SamplingOptions, number] => [option, bit]));
}

/** Whether the score of a token is close to the best, or to the k-th. */
function isTie(scores: Float32Array, token: number, { topK, temperature }: SamplingOptions): boolean {
  const sorted = scores.toSorted();
  const border = temperature === 0 ? sorted.at(-1) : sorted.at(-Math.max(1, topK));
  return Math.abs((scores[token] ?? NaN) - (border ?? NaN)) <= near;
}
