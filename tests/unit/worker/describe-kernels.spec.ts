import { describe, expect, it } from 'vitest';
import { isKernelFile } from '../../../gpu/kv/policies/kernel-file-name.ts';
import { describeKernels } from '../../../worker/loader/describe-kernels.ts';
import { fileOf } from './safetensors-file.ts';
import { memorySource, shippedSource } from './sources.ts';

const layers = { 'layers.0.psi.w2': { dtype: 'F32', shape: [1, 1, 3], data_offsets: [0, 12] } };
const withMetadata = (metadata: object) => fileOf(JSON.stringify({ __metadata__: metadata, ...layers }), 12);
const kernels = 'kernels.safetensors';
const describeOne = (metadata: object) =>
  describeKernels(memorySource({ [kernels]: withMetadata(metadata) }), [kernels]);

describe('What a file of kernels says about itself', () => {
  it('is the plan, the policy and the number of features that it was trained for', async () => {
    const files = ['less-lambda-12.safetensors', 'less-h2o-12.safetensors'];
    const common = { rank: 8, layerTypes: '0_6_6_6_6_6_6_7' };
    expect(await describeKernels(shippedSource('fairy-lckv'), files)).toEqual([
      { ...common, file: files[1], policy: { id: 'h2o', sinks: 0, heavy: 6, recent: 6 } },
      { ...common, file: files[0], policy: { id: 'lambda', sinks: 4, heavy: 0, recent: 8 } },
    ]);
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['no policy', '{"id":"lru","recent":3}'],
    ['a policy that cannot decide for LESS', '{"id":"tova","recent":3}'],
    ['no recent row', '{"id":"h2o","heavy":3}'],
    ['a number of rows that is not a number', '{"id":"h2o","heavy":3,"recent":"many"}'],
    ['null', 'null'],
    ['a text without end', `{"id":"h2o","recent":3,"x":"${'x'.repeat(1000)}"}`],
  ])('is nothing that it cannot be: %s', async (_, policy) => {
    const [found] = await describeOne({ policy, layer_types: '0'.repeat(100_001) });
    expect(found).toEqual({ file: kernels, rank: 3, layerTypes: null, policy: null });
  });

  it('may be nothing; and a file that is broken or gone is left out', async () => {
    expect(await describeOne({})).toEqual([{ file: kernels, rank: 3, layerTypes: null, policy: null }]);
    const source = memorySource({ 'less-a.safetensors': fileOf('{"a":', 0, 900n) });
    expect(await describeKernels(source, ['less-a.safetensors', 'less-b.safetensors'])).toEqual([]);
  });

  it('belongs to a plain name, never to a path', () => {
    for (const name of ['kernels.safetensors', 'less-h2o-12.safetensors', 'a.b_c.safetensors']) {
      expect(isKernelFile(name), name).toBe(true);
    }
    for (const name of [
      ...['../kernels.safetensors', '/etc/kernels.safetensors', '.safetensors', 'https://x/y.safetensors'],
      ...['kernels.bin', '', `${'k'.repeat(200)}.safetensors`, 'kernels.safetensors\n', 'a\\b.safetensors'],
    ]) {
      expect(isKernelFile(name), name).toBe(false);
    }
  });
});
