import { modelSource } from '#platform';
import { afterAll, expect, it } from 'vitest';
import { greedy } from '../../gpu/plan/sampling.ts';
import { openWebGpuBackend } from '../../gpu/webgpu/backend.ts';
import { Engine } from '../../worker/engine/engine.ts';
import { succeed, valueOf } from '../../worker/outcome.ts';
import type { GenerateRequest } from '../../worker/protocol/generate.ts';
import { placeHere } from '../../worker/text/place-here.ts';
import { adapterOrFail } from '../support/adapter-or-fail.ts';
import { goldenFolder } from '../support/golden.ts';
import { sharedGpu } from '../support/shared-devices.ts';

/** The features that were requested, device by device. */
const requested: string[][] = [];

/** The platform's WebGPU, which notes what is requested of its adapters. */
async function notingGpu(): Promise<GPU> {
  const gpu = await sharedGpu();
  const requestAdapter = async () => {
    const adapter = await adapterOrFail(gpu, 'to note requests');
    const requestDevice = (descriptor?: GPUDeviceDescriptor) => {
      requested.push([...(descriptor?.requiredFeatures ?? [])]);
      return adapter.requestDevice(descriptor);
    };
    return { features: adapter.features, limits: adapter.limits, info: adapter.info, requestDevice };
  };
  return { requestAdapter } as unknown as GPU; // all that opening a device uses
}

const engine = new Engine({
  openBackend: async (_, profiling) => openWebGpuBackend(await notingGpu(), { profiling }),
  openTextPlace: placeHere,
  openSource: (folder) => succeed(modelSource(folder)),
});
afterAll(() => engine.unload());

const ignore = () => undefined;
const request: GenerateRequest = {
  input: { turns: [[1, 2, 3, 4, 5]] },
  config: {},
  mode: 'auto',
  kvPrecision: 'f16',
  maxNewTokens: 4,
  policy: { id: 'none' },
  ignoreEos: true,
  sampling: greedy,
  logits: [],
  score: false,
};
const load = async () =>
  valueOf(
    await engine.load(
      { model: goldenFolder('lckv'), backend: 'webgpu', weights: 'stored', quantizeEmbeddings: false },
      ignore,
    ),
  );
const generate = async (kernels: boolean) => {
  const watch = { tokens: false, kernels, rows: false, steps: false, scores: false };
  return valueOf(await engine.generate({ ...request, watch }, ignore));
};

it('A device has a clock only for the runs that time kernels, which write the same', async () => {
  const { canTimeKernels } = await load();
  expect(canTimeKernels).toBe(true); // both software adapters have timestamps
  const plain = await generate(false);
  const timed = await generate(true);
  expect(timed.kernels?.map(({ kernel }) => kernel)).toContain('attend');
  await generate(true); // on the same device
  const again = await generate(false);
  expect(requested).toEqual([[], ['timestamp-query'], []]);
  expect(plain.kernels).toBeUndefined();
  expect([timed.tokens, again.tokens]).toEqual([plain.tokens, plain.tokens]);
});

it('A model that is loaded after such a run is on a device without a clock', async () => {
  await generate(true);
  requested.length = 0;
  valueOf(
    await engine.load(
      { model: goldenFolder('cla'), backend: 'webgpu', weights: 'stored', quantizeEmbeddings: false },
      ignore,
    ),
  );
  expect(requested).toEqual([[]]);
});
