// The shapes of the decoding product: each takes every sum in the same order, and one of them is measured to be the fastest.
import { runningIn } from '#platform';
import { afterAll, expect, inject, it } from 'vitest';
import type { ModelWeights } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { hardwareTuning, softwareTuning } from '../../gpu/webgpu/tuning.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

// So many rows that the three sizes are three.
const dims = { ...tinyDims, hiddenSize: 40, intermediateSize: 2100 };
const opened = openGpuBackend({ tuning: hardwareTuning });
const model = opened.then(async (backend) => {
  const [gpu] = await putRandomModel([backend], dims, layersOf('0_1_2_3'), { type: 'f16' });
  return gpu as ModelWeights;
});
afterAll(async () => (await opened).destroy());

async function logitsAfter(weights: ModelWeights): Promise<readonly number[]> {
  const session = await weights.open({
    sharing: sharingOf('0_2_2_3'),
    passes: { forward: 2, backward: 0 },
    kvPrecision: 'f32',
    capacityTokens: 24,
  });
  const ignored = { onProgress: () => undefined, stopped: () => false };
  const logits: number[] = [];
  try {
    await session.prefill([3, 1, 30], {
      mode: 'parallel',
      logitsAt: [],
      onLogits: () => undefined,
      ...ignored,
    });
    await session.decode({
      sampling: greedy,
      maxNewTokens: 8,
      endTokens: new Set(),
      onToken: () => undefined,
      ...ignored,
    });
    await session.feed([5, 6], { onLogits: (_, row) => logits.push(...row), stopped: () => false });
  } finally {
    session.close();
  }
  return logits;
}

/** SwiftShader compiles the three sizes for two minutes: in Node at every change, in Chromium at night. */
const itInNode = it.runIf(runningIn === 'node' || inject('samples') === 'all');

itInNode('every size gives the same logits, to the bit', async () => {
  const { products } = await model;
  if (!products) throw new Error("a GPU's kernels have a choice");
  const all: (readonly number[])[] = [];
  for (const workgroup of products.workgroups) {
    products.take(workgroup);
    all.push(await logitsAfter(await model));
  }
  expect(all[0]?.length).toBe(2 * dims.vocabSize);
  for (const logits of all) expect(logits).toEqual(all[0]);
});

itInNode('one of them is measured, and memory is given back', async () => {
  const before = (await opened).allocatedBytes;
  const { products } = await model;
  expect(products?.workgroups).toContain(await products?.fastest());
  expect((await opened).allocatedBytes).toBe(before);
});

it("a processor and a software adapter's kernels have no choice", async () => {
  const software = await openGpuBackend({ tuning: softwareTuning });
  try {
    for (const backend of [software, openCpuBackend()]) {
      const [weights] = await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'));
      expect(weights?.products ?? null).toBeNull();
    }
  } finally {
    software.destroy();
  }
});
