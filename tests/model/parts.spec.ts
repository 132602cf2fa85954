import { runningIn } from '#platform';
import { afterAll, describe, expect, it } from 'vitest';
import type { WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import type { ElementType } from '../../gpu/numbers/element-type.ts';
import { hardwareTuning } from '../../gpu/webgpu/tuning.ts';
import { layersOf } from '../support/arbitrary-plans.ts';
import { expectAlike } from '../support/expect-alike.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

// Every matrix has more rows than fit: 300 embeddings, 192 queries, keys, values, 400 gate and up, else 96.
const dims = {
  ...tinyDims,
  hiddenSize: 96,
  intermediateSize: 200,
  heads: 8,
  kvHeads: 4,
  headDim: 24,
  vocabSize: 300,
};
const largestBindingBytes = 52_000;

const models: readonly {
  name: string;
  dims: typeof dims;
  type: ElementType;
  weights: WeightPrecision;
}[] = [
  { name: 'f32, untied', dims, type: 'f32', weights: 'stored' },
  {
    name: 'f32, tied, biased, with normed heads',
    dims: { ...dims, tiedEmbeddings: true, qkvBias: true, outputBias: true, mlpBias: true, qkNorm: true },
    type: 'f32',
    weights: 'stored',
  },
  { name: 'bf16', dims, type: 'bf16', weights: 'stored' },
  { name: 'f32 kept as f16', dims, type: 'f32', weights: 'f16' },
];

// A software adapter compiles the kernels of a GPU slowly, so only the model that uses most of them runs, in Node. In
// Chromium random plans run on these kernels.
const shapes = [
  { name: "a software adapter's kernels", options: {}, models },
  {
    name: "a GPU's kernels",
    options: { tuning: { ...hardwareTuning, attendWorkgroup: 8 } },
    models: models.slice(1, 2),
  },
].slice(0, runningIn === 'node' ? 2 : 1);

describe.each(shapes)('Matrices larger than a binding, with $name', ({ options, models }) => {
  const whole = openGpuBackend(options);
  const parted = openGpuBackend({ ...options, largestBindingBytes });
  afterAll(async () => {
    for (const backend of [await whole, await parted]) backend.destroy();
  });

  it.each(models)('in $name, are stored in parts and compute the same', async ({ dims, type, weights }) => {
    const backends = [await whole, await parted];
    const opened = await putRandomModel(backends, dims, layersOf('0_1_2_3'), { type, weights });
    try {
      const buffers = (await parted).context.ledger.entries().filter(({ owner }) => owner === 'weights');
      expect(Math.max(...buffers.map(({ bytes }) => bytes))).toBeLessThanOrEqual(largestBindingBytes);
      for (const role of ['embed/0', 'q/0', 'gateUp/0', 'kv/0']) {
        const parts = buffers.filter(({ label }) => label.startsWith(`${role}/rows-`));
        if (type === 'f32' && weights === 'stored') expect(parts.length, role).toBeGreaterThan(1);
      }
      const turns = [
        [1, 299, 64, 63, 128, 5, 270],
        [7, 8],
      ];
      await expectAlike(opened.toReversed(), { turns, newTokens: 5 }, 1e-5);
    } finally {
      for (const model of opened) model.free();
    }
  });
});
