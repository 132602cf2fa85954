import { modelSource, requestGpu } from '#platform';
import { expect, it } from 'vitest';
import type { Session } from '../../../gpu/backend.ts';
import { GpuContext } from '../../../gpu/webgpu/device.ts';
import { greedy } from '../../../gpu/plan/sampling.ts';
import { softwareTuning } from '../../../gpu/webgpu/tuning.ts';
import { WebGpuBackend } from '../../../gpu/webgpu/backend.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { shippedFolder } from '../../support/golden.ts';
import { GpuClock } from './gpu-clock.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

const newTokens = 100;

async function openContext(): Promise<GpuContext> {
  const adapter = await (await requestGpu()).requestAdapter();
  if (!adapter) throw new Error('there was an adapter a moment ago');
  // The device of the engine requests no timestamps.
  const device = await adapter.requestDevice({ requiredFeatures: ['timestamp-query'] });
  const facts = { backend: 'webgpu', vendor: '', description: 'lavapipe', software: true } as const;
  return new GpuContext(device, facts, { tuning: softwareTuning });
}

async function openShipped(context: GpuContext): Promise<Session> {
  const { config, weights } = await loadModel({
    source: modelSource(shippedFolder('fairy-lckv')),
    openBackend: () => Promise.resolve(new WebGpuBackend(context)),
    openTextPlace: placeHere,
    weights: 'stored',
    quantizeEmbeddings: false,
    emit: () => undefined,
  });
  const { sharing, passes } = valueOf(applyConfig(config.stored, {}, config.dims.layerCount));
  const session = await weights.open({
    sharing,
    passes,
    kvPrecision: 'f16',
    capacityTokens: 10 + 5 * newTokens,
  });
  await session.prefill([1, 2, 3, 4], {
    mode: 'sequential',
    logitsAt: [],
    onLogits: () => undefined,
    onProgress: () => undefined,
    stopped: () => false,
  });
  return session;
}

const decode = (session: Session, maxNewTokens: number) =>
  session.decode({
    sampling: greedy,
    maxNewTokens,
    endTokens: new Set(),
    onToken: () => undefined,
    stopped: () => false,
  });

/** Counts how many buffer maps wait at the same time while `work` runs. */
async function mostMapsWaiting(work: () => Promise<unknown>): Promise<number> {
  // oxlint-disable-next-line typescript/unbound-method -- applied to its own buffer below
  const { mapAsync } = GPUBuffer.prototype;
  let waiting = 0;
  let most = 0;
  GPUBuffer.prototype.mapAsync = function (...args) {
    most = Math.max(most, ++waiting);
    const mapped = mapAsync.apply(this, args);
    void mapped.finally(() => waiting--);
    return mapped;
  };
  try {
    await work();
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
  return most;
}

it('Firefox polls for finished work every 100 ms, and decoding does not wait for that', async () => {
  const context = await openContext();
  try {
    const session = await openShipped(context);
    // Lavapipe compiles a kernel when it first runs.
    await decode(session, 4);

    // Other work on the machine may interfere. The best of a few shows what Firefox can do.
    const ratios: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const clock = new GpuClock(context.device, newTokens);
      const startMs = performance.now();
      const readBacks = await mostMapsWaiting(() => decode(session, newTokens));
      const tookMs = performance.now() - startMs;
      expect(clock.passes).toBe(newTokens);
      const gpuMs = await clock.sumMs();
      expect(gpuMs).toBeGreaterThan(0);
      expect(readBacks).toBeGreaterThanOrEqual(2);
      ratios.push(tookMs / gpuMs);
      console.log(
        `${newTokens} tokens in ${tookMs.toFixed(0)} ms, of which the GPU worked ${gpuMs.toFixed(0)} ms, ` +
          `with up to ${readBacks} read-backs in flight`,
      );
    }
    expect(Math.min(...ratios)).toBeLessThan(1.5);
  } finally {
    context.destroy();
  }
});
