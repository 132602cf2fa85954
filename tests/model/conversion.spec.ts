import { afterAll, describe, expect, it } from 'vitest';
import type { ModelWeights } from '../../gpu/backend.ts';
import type { Sharing } from '../../gpu/plan/sharing.ts';
import { weightSpecs } from '../../gpu/plan/weight-specs.ts';
import { openCpuBackend } from '../../gpu/reference/backend.ts';
import { CpuWeights } from '../../gpu/cpu/weights.ts';
import { expectAllClose } from '../support/all-close.ts';
import { layersOf, sharingOf } from '../support/arbitrary-plans.ts';
import { openGpuBackend, putRandomModel, runSession, tinyDims } from '../support/random-model.ts';
import { backends, openBackend } from '../support/test-engine.ts';

const prompt = [5, 0, 36, 12, 12, 9, 30, 2];

describe.each(backends)('Conversion on the backend %s', (name) => {
  const opened = openBackend(name);
  afterAll(async () => (await opened).destroy());

  const put = async (stored: string, type: 'f32' | 'f16' = 'f32') => {
    const [model] = await putRandomModel([await opened], tinyDims, layersOf(stored), { type });
    return model as ModelWeights;
  };
  const logitsUnder = async (model: ModelWeights, sharing: Sharing) => {
    const options = {
      sharing,
      passes: { forward: 7, backward: 2 },
      kvPrecision: 'f32',
      capacityTokens: 20,
    } as const;
    const { logits } = await runSession(model, options, { turns: [prompt], mode: 'sequential' });
    return logits.map((row) => [...row]);
  };

  it.each(['f32', 'f16'] as const)(
    'restores the stored weights exactly under the stored plan (%s)',
    async (type) => {
      const model = await put('0_1_2_3', type);
      const before = await logitsUnder(model, sharingOf('0_1_2_3'));
      const converted = await logitsUnder(model, sharingOf('0_2_2_3'));
      expect(converted).not.toEqual(before);
      expect(await logitsUnder(model, sharingOf('0_1_2_3'))).toEqual(before);
    },
  );

  it('changes no weight if only windows change', async () => {
    const model = await put('0_2_2_3');
    const wide = { windowTokens: prompt.length + 1 };
    expect(await logitsUnder(model, sharingOf('0s_2s_2_3s', wide))).toEqual(
      await logitsUnder(model, sharingOf('0_2_2_3', wide)),
    );
  });

  it('copies the projection of a shared owner to each of its layers', async () => {
    // The present projection of every layer is that of layer 2, so an owner made of them has it unchanged.
    const model = await put('2_2_2_2');
    const same = await logitsUnder(model, sharingOf('2_2_2_2', { forceNodiag: true }));
    const moved = await logitsUnder(model, sharingOf('0_1_2_3', { forceNodiag: true }));
    expect(same[0]).toEqual(moved[0]); // a first token sees nothing, so only unconverted weights count
    expect(same[1]).not.toEqual(moved[1]);
  });

  it('frees the converted weights with the session', async () => {
    const model = await put('0_1_2_3');
    const before = (await opened).allocatedBytes;
    const session = await model.open({
      sharing: sharingOf('3_3_3_3'),
      passes: { forward: 1, backward: 1 },
      kvPrecision: 'f16',
      capacityTokens: 8,
    });
    expect((await opened).allocatedBytes).toBeGreaterThan(before);
    session.close();
    expect((await opened).allocatedBytes).toBe(before);
  });
});

describe('An owner of readers with several projections', () => {
  it('gets the same mean on the GPU as on the CPU, with each reader counted', async () => {
    // Stored under 0_2_2_3, the owner of 3_3_3_3 is the mean of 0, 2, 2 and 3.
    const cpu = openCpuBackend();
    const gpu = await openGpuBackend();
    const [onGpu, onCpu] = await putRandomModel([gpu, cpu], tinyDims, layersOf('0_2_2_3'));
    const options = { passes: { forward: 7, backward: 2 }, kvPrecision: 'f32', capacityTokens: 20 } as const;
    for (const plan of ['3_3_3_3', '0_1_1_1', '2_0_0_2']) {
      const request = { turns: [prompt], mode: 'parallel' } as const;
      const sharing = sharingOf(plan);
      const got = await runSession(onGpu as ModelWeights, { ...options, sharing }, request);
      const expected = await runSession(onCpu as ModelWeights, { ...options, sharing }, request);
      got.logits.forEach((row, position) => expectAllClose(row, expected.logits[position] ?? [], 5e-4, plan));
    }
    gpu.destroy();
  });

  it('gets the mean of tensors, element by element', () => {
    const weights = new CpuWeights({ weights: 'stored', quantizeEmbeddings: false });
    const layers = layersOf('0_2_2_3');
    const valuesOf = { 0: 1, 2: 10, 3: 100 };
    for (const spec of weightSpecs(tinyDims, layers)) {
      const value = spec.role === 'k' ? valuesOf[spec.layer as 0] : 0;
      weights.put(spec, 0, new Uint8Array(new Float32Array(spec.rows * spec.cols).fill(value).buffer), 'f32');
    }
    const keyOf = (plan: string, owner: number) => weights.convert(layers, layersOf(plan)).get('k', owner)[0];
    expect(keyOf('3_3_3_3', 3)).toBeCloseTo((1 + 10 + 10 + 100) / 4, 5);
    expect(keyOf('0_1_1_1', 1)).toBe((10 + 10 + 100) / 3);
    expect(keyOf('0_2_2_3', 2)).toBe(10);
  });
});
