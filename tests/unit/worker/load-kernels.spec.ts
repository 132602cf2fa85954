import { describe, expect, it } from 'vitest';
import { kernelTensors } from '../../../gpu/kv/policies/less-kernels.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { loadKernels } from '../../../worker/loader/load-kernels.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { attemptAsync } from '../../../worker/outcome.ts';
import { sharingOf } from '../../support/arbitrary-plans.ts';
import { tinyDims } from '../../support/random-model.ts';
import { fileOf, fileOfTensors, type TensorOf } from './safetensors-file.ts';
import { memorySource } from './sources.ts';

const sharing = sharingOf('0_0_2s_2s');
const sizes = { hidden: 5, rank: 3 };
const file = 'less.safetensors';

/** Every tensor that the plan needs, filled with its own number, the last one first. */
function tensorsOf(): Map<string, TensorOf> {
  const tensors = kernelTensors(sharing, tinyDims, sizes).map(({ name, shape }, i) => {
    const numbers = new Float32Array(shape[0] * shape[1] * shape[2]).fill(i + 1);
    return [name, { dtype: 'F32', shape, bytes: new Uint8Array(numbers.buffer) }] as const;
  });
  return new Map(tensors.reverse());
}

const changed = (name: string, change: Partial<TensorOf>): Map<string, TensorOf> => {
  const tensors = tensorsOf();
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`there is no ${name}`);
  return tensors.set(name, { ...tensor, ...change });
};

const without = (name: string) => {
  const tensors = tensorsOf();
  tensors.delete(name);
  return tensors;
};

const load = (source: ModelSource, name = file) =>
  attemptAsync(() => loadKernels(source, name, sharing, tinyDims));
const loadTensors = (tensors: Map<string, TensorOf>, options = {}) =>
  load(memorySource({ [file]: fileOfTensors(tensors) }, options));

const zeros = (...shape: number[]) => ({
  shape,
  bytes: new Uint8Array(4 * shape.reduce((product, length) => product * length, 1)),
});

describe('The kernels of LESS in a file', () => {
  it('are read in any order, past tensors that the plan does not need', async () => {
    const more = new Map([['unused', { dtype: 'I8', shape: [3], bytes: new Uint8Array(3) }], ...tensorsOf()]);
    for (const options of [{}, { chunkBytes: 1 }, { sizesKnown: false }]) {
      const loaded = await loadTensors(more, options);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
      const { hidden, rank, phi, psi } = loaded.value;
      expect({ hidden, rank }).toEqual(sizes);
      // Layers 2 and 3 see everything through a window, and need none.
      expect([[...phi.keys()], [...psi.keys()]]).toEqual([[0, 1], [0]]);
      expect(phi.get(0)?.w1).toEqual(new Float32Array(4 * 8 * 5).fill(1));
      expect(phi.get(1)?.w2).toEqual(new Float32Array(4 * 5 * 3).fill(4));
      expect(psi.get(0)?.w3).toEqual(new Float32Array(2 * 3 * 3).fill(7));
    }
  });

  it('are none for a plan whose readers all have windows', async () => {
    const windows = sharingOf('0s_0s_0s_0s');
    const source = memorySource({ [file]: fileOfTensors(new Map()) });
    const loaded = await attemptAsync(() => loadKernels(source, file, windows, tinyDims));
    expect(loaded).toMatchObject({ ok: true, value: { hidden: 0, rank: 0 } });
  });

  it.each<[string, Map<string, TensorOf>, string]>([
    ['the first tensor is missing', without('layers.0.phi.w1'), 'there is no tensor layers.0.phi.w1'],
    ['the last tensor is missing', without('layers.0.psi.w3'), 'there is no tensor layers.0.psi.w3'],
    [
      'a tensor has other heads',
      changed('layers.1.phi.w1', zeros(2, 8, 5)),
      'layers.1.phi.w1 has the shape [2,8,5], not [4,8,5]',
    ],
    ['another hidden size', changed('layers.1.phi.w1', zeros(4, 8, 6)), 'layers.1.phi.w1 has the shape'],
    ['a matrix', changed('layers.0.psi.w3', zeros(6, 3)), 'layers.0.psi.w3 has the shape [6,3]'],
    ['another type', changed('layers.0.psi.w2', { dtype: 'I32' }), 'layers.0.psi.w2 is of I32, not F32'],
    ['a hidden size without bounds', changed('layers.0.phi.w1', zeros(1, 1, 2049)), 'must be from 1 to 2048'],
    ['no features', changed('layers.0.phi.w2', zeros(4, 5, 0)), 'must be from 1 to 64'],
    [
      'a number that is none',
      changed('layers.0.psi.w1', { bytes: new Uint8Array(4 * 2 * 8 * 5).fill(255) }),
      'layers.0.psi.w1 has a number that is not finite',
    ],
  ])('are refused by the name of the tensor: %s', async (_, tensors, reason) => {
    expect(await loadTensors(tensors)).toMatchObject({
      ok: false,
      failure: { code: 'bad-weights', file, reason: expect.stringContaining(reason) as unknown },
    });
  });

  it('are refused if the file is cut short, or no such file', async () => {
    const bytes = fileOfTensors(tensorsOf());
    for (const [contents, reason] of [
      [bytes.slice(0, -1), 'cut short'],
      [fileOf('{"a":', 0, 900n), 'header'],
      [new Uint8Array(3), '3 bytes'],
    ] as const) {
      for (const sizesKnown of [true, false]) {
        expect(await load(memorySource({ [file]: contents }, { sizesKnown }))).toMatchObject({
          failure: { code: 'bad-weights', file, reason: expect.stringContaining(reason) as unknown },
        });
      }
    }
  });

  it('are a file that comes with the model, and a path only on a machine of one’s own', async () => {
    const source = memorySource({ [file]: fileOfTensors(tensorsOf()) });
    for (const name of [
      'other.safetensors',
      '../less.safetensors',
      '/etc/passwd',
      'https://x/y',
      '..',
      '',
      'a'.repeat(201),
    ]) {
      expect(await load(source, name), name).toMatchObject({
        failure: { code: 'bad-request', field: 'policy.kernels' },
      });
    }
    const folder = 'tests/fixtures/golden-policies';
    const golden = openFolderSource(`${folder}/llama-gqa`);
    const dims = { ...tinyDims, heads: 4, kvHeads: 2, headDim: 16 };
    const plan = sharingOf('0_1_2_3_4');
    for (const path of [
      'kernels.safetensors',
      '../llama-gqa/kernels.safetensors',
      `${process.cwd()}/${folder}/llama-gqa/kernels.safetensors`,
    ]) {
      const loaded = await attemptAsync(() => loadKernels(golden, path, plan, dims));
      expect(loaded).toMatchObject({ ok: true, value: { rank: 5 } });
    }
  });
});
