import { modelSource } from '#platform';
import { afterAll, describe, expect, it } from 'vitest';
import { weightBytesOnCpu, weightBytesOnGpu } from '../../gpu/numbers/weight-bytes.ts';
import type { WeightPrecision } from '../../gpu/numbers/matrix-format.ts';
import { parseLayerTypes } from '../../gpu/plan/layer-types.ts';
import { loadWeights } from '../../worker/loader/load-weights.ts';
import { parseModelConfig } from '../../worker/loader/model-config.ts';
import { valueOf } from '../../worker/outcome.ts';
import { openProcessorBackend } from '../../gpu/wasm/backend.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import type { Backend } from '../../gpu/backend.ts';
import { sharedGpu } from '../support/shared-devices.ts';

const precisions: readonly WeightPrecision[] = ['stored', 'f32', 'f16', 'q8', 'q4'];

const openings: Readonly<Record<'gpu' | 'cpu', () => Promise<Backend>>> = {
  gpu: async () => openWebGpuBackend(await sharedGpu()),
  cpu: openProcessorBackend,
};

describe.each(['gpu', 'cpu'] as const)('On the %s, the bytes of weights that nobody has read', (where) => {
  const opened = openings[where]();
  afterAll(async () => (await opened).destroy());

  it.each(['fairy-lckv', 'fairy-llama'])('are those that %s takes in every format', async (id) => {
    const source = modelSource(`public/models/${id}`);
    const { dims, stored } = valueOf(parseModelConfig(JSON.parse((await source.text('config.json')) ?? '')));
    const plan = parseLayerTypes(stored.layerTypes, dims.layerCount);
    if (!plan.ok) throw new Error(plan.reason);
    const unread = { dims, storedLayers: plan.value, storedAs: 'f16' } as const;
    for (const weights of precisions) {
      for (const quantizeEmbeddings of [false, true]) {
        const formats = { weights, quantizeEmbeddings };
        const backend = await opened;
        const ignore = () => undefined;
        const { weights: loaded } = await loadWeights({
          ...{ source, backend, dims, storedLayers: plan.value, onRoom: ignore, onProgress: ignore },
          ...formats,
        });
        const said = (where === 'gpu' ? weightBytesOnGpu : weightBytesOnCpu)(unread, formats);
        const taken = loaded.bytes;
        loaded.free();
        const about = JSON.stringify(formats);
        // All numbers of these models are halves, so that the CPU keeps them in 16 bits even as f32.
        if (where === 'cpu' && weights === 'f32') expect(taken, about).toBeLessThanOrEqual(said);
        else expect(Math.abs(taken / said - 1), about).toBeLessThan(0.01);
      }
    }
  });
});
