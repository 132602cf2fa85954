import { describe, expect, it } from 'vitest';
import {
  kvBytesPerToken,
  kvLayerUsage,
  kvRowBytes,
  kvRowsAllocated,
  kvRowsHeld,
  MAX_STEPS_IN_FLIGHT,
  plainKvBytesPerToken,
} from '../../../gpu/kv/usage.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import { kvOwners } from '../../../gpu/plan/sharing.ts';
import { arbitrarySharing, sharingOf } from '../../support/arbitrary-plans.ts';
import { fc } from '../../support/seeded-properties.ts';

const tinyLlama: ModelDims = {
  layerCount: 22,
  hiddenSize: 2048,
  intermediateSize: 5632,
  heads: 32,
  kvHeads: 4,
  headDim: 64,
  vocabSize: 32000,
  contextTokens: 2048,
  rmsNormEps: 1e-5,
  rope: { type: 'default', theta: 10000 },
  tiedEmbeddings: false,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
};

/** LCKV's notation for a plan of 22 layers with this many warm-up layers at either end. */
const lckv = (warmUp: number) => {
  const target = 21 - warmUp;
  return Array.from({ length: 22 }, (_, layer) => (layer < warmUp || layer > target ? layer : target)).join(
    '_',
  );
};

describe('TinyLlama’s KV', () => {
  it.each([
    ['as plain LLaMA', 22, Array.from({ length: 22 }, (_, layer) => layer).join('_')],
    ['with LCKV’s 2 warm-up layers', 3, lckv(1)],
    ['with 10 warm-up layers', 11, lckv(5)],
  ])('%s takes %i KiB per token', (_, kibibytes, text) => {
    expect(kvBytesPerToken(sharingOf(text), tinyLlama, 'f16')).toBe(kibibytes * 1024);
  });

  it('takes 22 KiB per token for a plain model, whatever the plan', () => {
    expect(plainKvBytesPerToken(tinyLlama, 'f16')).toBe(22 * 1024);
  });
});

it('A row in f32 takes twice the bytes of one in f16', () => {
  expect(kvRowBytes(tinyLlama, 'f32')).toBe(2 * kvRowBytes(tinyLlama, 'f16'));
});

it('Bytes per token count windowed owners too', () => {
  expect(kvBytesPerToken(sharingOf('0s_1'), tinyLlama, 'f16')).toBe(
    kvBytesPerToken(sharingOf('0_1'), tinyLlama, 'f16'),
  );
});

it('An owner read only through windows holds at most the window’s rows, however long the text', () => {
  const windowed = { layer: 0, windowed: true };
  expect([0, 3, 4, 5, 1000].map((tokens) => kvRowsHeld(windowed, tokens, 4))).toEqual([0, 3, 4, 4, 4]);
  expect(kvRowsHeld({ layer: 0, windowed: false }, 1000, 4)).toBe(1000);
});

it('A ring takes the window and the steps in flight, or the whole run if that is shorter', () => {
  const windowed = { layer: 0, windowed: true };
  expect(kvRowsAllocated(windowed, 1000, 4)).toBe(4 + MAX_STEPS_IN_FLIGHT);
  expect(kvRowsAllocated(windowed, 5, 4)).toBe(5);
  expect(kvRowsAllocated({ layer: 0, windowed: false }, 1000, 4)).toBe(1000);
});

it('Every cache has room for all rows that it holds', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.nat(50),
      fc.nat(50),
      fc.integer({ min: 1, max: 20 }),
      (windowed, a, b, window) => {
        const owner = { layer: 0, windowed };
        const [tokens, capacity] = a < b ? [a, b] : [b, a];
        expect(kvRowsHeld(owner, tokens, window)).toBeLessThanOrEqual(
          kvRowsAllocated(owner, capacity, window),
        );
      },
    ),
  );
});

it('Usage lists each owner once. Without windows it sums to the tokens times the bytes per token', () => {
  fc.assert(
    fc.property(arbitrarySharing(), fc.nat(30), (sharing, tokens) => {
      const usage = kvLayerUsage(sharing, tinyLlama, 'f16', tokens);
      expect(usage.map(({ layer }) => layer)).toEqual(kvOwners(sharing.layers).map(({ layer }) => layer));
      const bytes = usage.reduce((sum, layer) => sum + layer.bytes, 0);
      const unwindowed = tokens * kvBytesPerToken(sharing, tinyLlama, 'f16');
      if (kvOwners(sharing.layers).some(({ windowed }) => windowed) && tokens > sharing.windowTokens) {
        expect(bytes).toBeLessThan(unwindowed);
      } else expect(bytes).toBe(unwindowed);
    }),
  );
});
