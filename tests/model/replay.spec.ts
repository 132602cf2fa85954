// The cost of a decoded token, counted on the device.
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelWeights } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { countCalls } from '../../tools/bench/count-calls.ts';
import { openGpuBackend, putRandomModel, tinyDims } from '../support/random-model.ts';

const dims = { ...tinyDims, layerCount: 8 };
const llama = '0_1_2_3_4_5_6_7';
const newTokens = 12;

/** Decodes and counts the calls of the device from the third token on. */
async function decodeAndCount(plan: string) {
  const backend = await openGpuBackend();
  const [model] = (await putRandomModel([backend], dims, layersOf(llama))) as [ModelWeights];
  const session = await model.open({
    sharing: sharingOf(plan, { windowTokens: 4 }),
    passes: { forward: 7, backward: 2 },
    kvPrecision: 'f16',
    capacityTokens: 40,
  });
  const ignore = () => undefined;
  const never = () => false;
  await session.prefill([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], {
    mode: 'parallel',
    logitsAt: [],
    onLogits: ignore,
    onProgress: ignore,
    stopped: never,
  });
  const bytesBefore = backend.allocatedBytes;
  const calls = countCalls(backend.context.device);
  let tokens = 0;
  await session.decode({
    sampling: { ...greedy, temperature: 1, topK: 5, topP: 0.9, minP: 0.01, repetitionPenalty: 1.1 },
    maxNewTokens: newTokens,
    endTokens: new Set(),
    onToken: () => tokens++,
    stopped: never,
  });
  calls.stop();
  const bytesAfter = backend.allocatedBytes;
  backend.destroy();
  expect(tokens).toBe(newTokens);
  return { ...calls.counts, bytesBefore, bytesAfter };
}

describe('Decoding a token', () => {
  // One after the other, because the counters are on the class that all devices share.
  const first = decodeAndCount(llama);
  const second = first.then(() => decodeAndCount('0_6_6_6_6_6_6_7'));
  const runs = {
    llama: first,
    lckv: second,
    windowed: second.then(() => decodeAndCount('0s_1s_2s_3s_4_4_4_4')),
  };
  afterAll(() => Promise.allSettled(Object.values(runs)));

  it.each(Object.entries(runs))(
    'takes one submit and one compute pass, and one small write (%s)',
    async (_, run) => {
      const { queueSubmit, beginComputePass, writeBuffer } = await run;
      expect(queueSubmit).toBe(newTokens);
      expect(beginComputePass).toBe(newTokens);
      expect(writeBuffer).toBe(newTokens + 1); // the sampling options, once
    },
  );

  it.each(Object.entries(runs))(
    'allocates nothing, compiles nothing, creates no bind group (%s)',
    async (_, run) => {
      const { createBuffer, createBindGroup, createComputePipeline, bytesBefore, bytesAfter } = await run;
      expect([createBuffer, createBindGroup, createComputePipeline]).toEqual([0, 0, 0]);
      expect(bytesAfter).toBe(bytesBefore);
    },
  );

  it('takes at most six dispatches per layer, and one less for a layer that owns no KV', async () => {
    // Head and sample per token. Embedding and layers for all but the first, which uses the prefill's state.
    const perToken = async (run: Promise<{ dispatchWorkgroups: number }>) =>
      ((await run).dispatchWorkgroups - 2 * newTokens) / (newTokens - 1) - 1;
    expect(await perToken(runs.llama)).toBe(8 * 6);
    expect(await perToken(runs.lckv)).toBe(3 * 6 + 5 * 5);
    expect(await perToken(runs.windowed)).toBe(5 * 6 + 3 * 5);
  });
});
