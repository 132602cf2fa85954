import { describe, expect, it } from 'vitest';
import type { BatchTurn, ModelWeights } from '../../../gpu/backend.ts';
import { WebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { GpuContext } from '../../../gpu/webgpu/device.ts';
import { hardwareTuning, softwareTuning } from '../../../gpu/webgpu/tuning.ts';
import { openCountingDevice, type NotedDispatch } from '../../../tools/bench/count/counting-device.ts';
import { layersOf, sharingOf } from '../../support/arbitrary-plans.ts';
import { policyWith } from '../../support/arbitrary-policies.ts';
import { putRandomModel, tinyDims } from '../../support/random-model.ts';

const adapter = { backend: 'webgpu', vendor: '', description: 'counts', software: false } as const;
const silent = { onProgress: () => undefined, stopped: () => false };

/** What is dispatched while prompts of these lengths are read, by the kernel and the matrix. */
async function dispatchesOf(
  tuning: typeof hardwareTuning,
  layers: string,
  mode: BatchTurn['mode'],
  lengths: readonly number[],
  policy: Parameters<typeof policyWith>[0] | null = null,
): Promise<readonly string[]> {
  const counting = openCountingDevice();
  const backend = new WebGpuBackend(new GpuContext(counting.device, adapter, { tuning }));
  const [model] = (await putRandomModel([backend], tinyDims, layersOf('0_1_2_3'))) as [ModelWeights];
  const texts = lengths.map((length) => ({
    capacityTokens: length + 1,
    ...(policy !== null && {
      eviction: {
        policy: policyWith(policy, { heavy: 2, recent: 2 }),
        scored: false,
        promptTokens: length,
        kernels: null,
      },
    }),
  }));
  const batch = await model.openBatch({
    ...{ sharing: sharingOf(layers), passes: { forward: 7, backward: 2 }, kvPrecision: 'f16' },
    ...{ texts, places: lengths.length, turnTokens: Math.max(...lengths) },
  });
  const turns: BatchTurn[] = [];
  for (const [i, text] of texts.entries()) {
    const tokens = Array<number>(lengths[i] ?? 0).fill(1);
    turns.push({ text: await batch.open(text), tokens, mode });
  }
  const noted = await counting.dispatchesOf(() => batch.prefill(turns, silent));
  backend.destroy();
  return noted.map(nameOf);
}

/** A product names its matrix: what is read of the weights. */
function nameOf({ kernel, contents }: NotedDispatch): string {
  if (!kernel.startsWith('project')) return kernel;
  const shape = contents.find((each) => each?.byteLength === 16);
  return `${kernel} ${shape?.getUint32(0, true) ?? 0} × ${shape?.getUint32(4, true) ?? 0}`;
}

describe.each([
  ['a GPU', hardwareTuning],
  ['a software adapter', softwareTuning],
])('Prompts that are read together by %s', (_, tuning) => {
  it.each(['0_1_2_3', '0_2_2_3', '3_3_3_3'])(
    'take the dispatches, and read the matrices, of one prompt with as many rows: %s',
    async (layers) => {
      const one = await dispatchesOf(tuning, layers, 'parallel', [120]);
      expect(await dispatchesOf(tuning, layers, 'parallel', [30, 30, 30, 30])).toEqual(one);
      expect(await dispatchesOf(tuning, layers, 'parallel', [61, 9, 37, 13])).toEqual(one);
    },
  );

  it('take the steps of the longest if they are read token by token', async () => {
    const one = await dispatchesOf(tuning, '0_2_2_3', 'sequential', [9]);
    const withoutColumns = (names: readonly string[]) =>
      names.map((name) => name.replace(/, \d columns/, ''));
    const four = await dispatchesOf(tuning, '0_2_2_3', 'sequential', [4, 9, 1, 9]);
    expect(withoutColumns(four)).toEqual(withoutColumns(one));
  });

  it('take as many dispatches under a policy, but for a cut of each', async () => {
    const count = async (mode: BatchTurn['mode'], lengths: readonly number[]) =>
      (await dispatchesOf(tuning, '0_2_2_3', mode, lengths, 'h2o')).filter((name) => name !== 'gather-rows')
        .length;
    expect(await count('parallel', [30, 30, 30, 30])).toBe(await count('parallel', [120]));
    expect(await count('sequential', [5, 9, 2, 9])).toBe(await count('sequential', [9]));
  });

  it('are read in as many groups as fill blocks, so that they take bounded memory', async () => {
    const { chunkRows } = tuning;
    const length = chunkRows / 4;
    const one = await dispatchesOf(tuning, '0_1_2_3', 'parallel', [chunkRows]);
    const eight = await dispatchesOf(tuning, '0_1_2_3', 'parallel', Array<number>(8).fill(length));
    expect(eight).toEqual([...one, ...one]);
  });
});
