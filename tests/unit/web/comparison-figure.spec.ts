import { expect, it } from 'vitest';
import type { Compared, Contender, Entry, Measured } from '../../../web/panels/compare/compared.ts';
import { comparisonFigure } from '../../../web/panels/compare/comparison-figure.ts';
import { words } from '../../../web/panels/compare/words.ts';
import { defaultConfig } from '../../../web/settings/settings.ts';

const run: Measured = {
  ...{ adapter: 'CPU', adapterDetail: null, mode: 'sequential', text: ' a fox', newTokens: 2 },
  ...{ kvBytes: 2048, kvBytesPerToken: 768, allocatedBytes: null },
  ...{ prefillMs: [20], decodeTokensPerSec: [100] },
};
const contenders = [1, 2].map((id): Contender => ({ id, config: defaultConfig, runner: 'kvtab' }));

it('A comparison draws the distance from the first one, and the quality, only where one is known', () => {
  const axes = (divergence: Entry['divergence']) => {
    const compared: Compared = {
      entries: contenders.map(({ id }) => ({
        ...{ contender: id, layerTypes: defaultConfig.layerTypes, run, beside: null, failure: null },
        divergence: id === 2 ? divergence : null,
      })),
      ...{ pieces: [' a', ' fox'], prompt: 'Once', common: 'greedy', build: '0@x', endedAt: 1e12 },
    };
    const { shapes } = comparisonFigure(contenders, compared, []);
    const said = shapes.flatMap((shape) => (shape.kind === 'text' ? shape.text : []));
    return [words.decodeAxis, words.klAxis, words.bitsAxis].filter((axis) => said.includes(axis));
  };
  expect(axes(null)).toEqual([words.decodeAxis]);
  const divergence = { kl: Float32Array.of(0.1, 0.3), agrees: [true, false], of: 2 };
  expect(axes(divergence)).toEqual([words.decodeAxis, words.klAxis]);
});
