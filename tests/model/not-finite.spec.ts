import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendError, type BackendFailure } from '../../gpu/backend-error.ts';
import type { Backend, ModelWeights } from '../../gpu/backend.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import type { WeightSpec } from '../../gpu/plan/weight-specs.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { putRandomModel, runSession, tinyDims } from '../support/random-model.ts';
import { backends, openBackend } from '../support/test-engine.ts';

const plan = '0_2_2_3';
const options = {
  sharing: sharingOf(plan),
  passes: { forward: 2, backward: 1 },
  kvPrecision: 'f32',
  capacityTokens: 30,
} as const;
const prompt = [1, 2, 3, 4, 5];
const unread = {
  logitsAt: [],
  onLogits: () => undefined,
  onProgress: () => undefined,
  stopped: () => false,
};

async function errorOf(run: Promise<unknown>): Promise<BackendError> {
  try {
    await run;
  } catch (error) {
    if (error instanceof BackendError) return error;
    throw error;
  }
  throw new Error('the run ended well');
}

const failureOf = async (run: Promise<unknown>): Promise<BackendFailure> => (await errorOf(run)).failure;

describe.each(backends)('Logits that are not finite, on the backend %s,', (name) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend(name);
  });
  afterAll(() => backend.destroy());

  /** A model with tensors so large that float32 overflows after it. */
  async function overflowing(isHuge: (spec: WeightSpec) => boolean): Promise<ModelWeights> {
    const scaleOf = (spec: WeightSpec) => (isHuge(spec) ? 1e37 : 1);
    const [model] = await putRandomModel([backend], tinyDims, layersOf(plan), { scaleOf });
    return model as ModelWeights;
  }
  const hugeLayer = () => overflowing(({ role, layer }) => layer === 1 && (role === 'gate' || role === 'up'));
  const hugeHead = () => overflowing(({ role }) => role === 'finalNorm' || role === 'head');

  it.each([0, 1])(
    'end the run at temperature %i, and name the layer and the position',
    async (temperature) => {
      const model = await hugeLayer();
      const sampling = { ...greedy, temperature };
      for (const mode of ['sequential', 'parallel'] as const) {
        const run = runSession(model, options, {
          ...{ turns: [prompt], mode, newTokens: 4, sampling, everyLogit: false },
        });
        expect(await failureOf(run), mode).toEqual({ code: 'not-finite', position: 4, where: 1 });
      }
      model.free();
    },
  );

  it('end a prefill that requests them, at the first position', async () => {
    const model = await hugeLayer();
    for (const mode of ['sequential', 'parallel'] as const) {
      const run = runSession(model, options, { turns: [prompt], mode });
      expect(await failureOf(run), mode).toEqual({ code: 'not-finite', position: 0, where: 1 });
    }
    model.free();
  });

  it.each([0, 1])(
    'end a batch at temperature %i, with the text and the place of the first',
    async (temperature) => {
      const model = await hugeLayer();
      const { capacityTokens, ...shared } = options;
      const texts = [{ capacityTokens }, { capacityTokens }];
      const batch = await model.openBatch({ ...shared, places: 2, texts, turnTokens: prompt.length });
      const lines = await Promise.all(texts.map((each) => batch.open(each)));
      const write = async () => {
        for (const text of lines) await text.prefill(prompt, { ...unread, mode: 'sequential' });
        const sampling = { ...greedy, temperature };
        const continuations = lines.map((text) => ({
          ...{ text, sampling, maxNewTokens: 4, endTokens: new Set<number>(), onToken: () => undefined },
        }));
        await batch.decode(continuations, { stopped: () => false });
      };
      const { failure, text } = await errorOf(write());
      expect(failure).toEqual({ code: 'not-finite', position: 4, where: 1 });
      expect(text).toBe(lines[0]);
      batch.close();
      model.free();
      expect(backend.allocatedBytes).toBe(0);
    },
  );

  it.each(['k', 'v'] as const)(
    'end the run if a cache of 16 bits overflows in its %s, and one of 32 bits holds it',
    async (role) => {
      // Above 65504, which half a float cannot hold.
      const scaleOf = (spec: WeightSpec) => (spec.role === role && spec.layer === 2 ? 1e6 : 1);
      const [model] = await putRandomModel([backend], tinyDims, layersOf(plan), { scaleOf });
      for (const mode of ['sequential', 'parallel'] as const) {
        const request = { turns: [prompt], mode, newTokens: 4 };
        const half = { ...options, kvPrecision: 'f16' } as const;
        const wide = await runSession(model as ModelWeights, options, request);
        expect(wide.tokens, mode).toHaveLength(4);
        const last = runSession(model as ModelWeights, half, { ...request, everyLogit: false });
        expect(await failureOf(last), mode).toEqual({ code: 'not-finite', position: 4, where: 1 });
        const every = runSession(model as ModelWeights, half, request);
        expect(await failureOf(every), mode).toEqual({ code: 'not-finite', position: 0, where: 2 });
      }
      model?.free();
    },
  );

  it('are reported at the head if all layers are finite', async () => {
    const model = await hugeHead();
    const run = runSession(model, options, {
      turns: [prompt],
      mode: 'sequential',
      newTokens: 1,
      everyLogit: false,
    });
    expect(await failureOf(run)).toEqual({ code: 'not-finite', position: 4, where: 'head' });
    model.free();
  });

  it('leave the backend usable for the next model', async () => {
    const bad = await hugeLayer();
    await failureOf(runSession(bad, options, { turns: [prompt], mode: 'parallel', newTokens: 4 }));
    bad.free();
    const [good] = await putRandomModel([backend], tinyDims, layersOf(plan));
    const { tokens } = await runSession(good as ModelWeights, options, {
      ...{ turns: [prompt], mode: 'parallel', newTokens: 4 },
    });
    expect(tokens).toHaveLength(4);
    good?.free();
    expect(backend.allocatedBytes).toBe(0);
  });
});
