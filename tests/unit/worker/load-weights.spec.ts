import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../gpu/backend.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { fileOfTensors } from './safetensors-file.ts';
import { memorySource } from './sources.ts';
import { dims, load, notingBackend, shardsOf, specs, storedLayers, tensorsOf } from './tiny-checkpoint.ts';
import { fc } from '../../support/seeded-properties.ts';

describe('loading weights', () => {
  it('puts every byte of every tensor in its place, whatever the chunks of the file', async () => {
    const tensors = tensorsOf();
    const files = [{ 'model.safetensors': fileOfTensors(tensors) }, shardsOf(tensors)];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.integer({ min: 7, max: 9000 }),
        fc.boolean(),
        async (content, chunkBytes, sizesKnown) => {
          const { backend, put } = notingBackend();
          await load(memorySource(content, { chunkBytes, sizesKnown }), backend);
          expect([...put.keys()].sort()).toEqual(specs.map((spec) => spec.name).sort());
          for (const [name, bytes] of put) expect(bytes).toEqual([...(tensors.get(name)?.bytes ?? [])]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('reads 16-bit and 32-bit numbers that begin at odd bytes', async () => {
    const flag = { dtype: 'BOOL', shape: [1], bytes: new Uint8Array(1) };
    const tensors = new Map([['unneeded.flag', flag], ...tensorsOf()]);
    const { backend, put } = notingBackend();
    await load(memorySource({ 'model.safetensors': fileOfTensors(tensors) }), backend);
    for (const [name, bytes] of put) expect(bytes).toEqual([...(tensors.get(name)?.bytes ?? [])]);
  });

  it('hands over rows in pieces of about 4 MiB', async () => {
    const wide = { ...dims, vocabSize: 200_000 };
    const tensors = tensorsOf();
    const pieces: number[] = [];
    for (const spec of weightSpecs(wide, storedLayers)) {
      if (spec.role !== 'embed' && spec.role !== 'head') continue;
      tensors.set(spec.name, {
        dtype: 'F32',
        shape: [spec.rows, spec.cols],
        bytes: new Uint8Array(spec.rows * spec.cols * 4),
      });
    }
    const cpu = openCpuBackend();
    const backend: Backend = {
      ...cpu,
      allocate: async (request) => {
        const weights = await cpu.allocate(request);
        const put = weights.put.bind(weights);
        return Object.assign(weights, {
          put: (...args: Parameters<typeof put>) => {
            pieces.push(args[2].length);
            return put(...args);
          },
        });
      },
    };
    const source = memorySource({ 'model.safetensors': fileOfTensors(tensors) }, { chunkBytes: 2 ** 16 });
    await loadWeights({
      source,
      backend,
      dims: wide,
      storedLayers,
      weights: 'stored',
      quantizeEmbeddings: false,
      onRoom: () => undefined,
      onProgress: () => undefined,
    });
    expect(Math.max(...pieces)).toBe(4 * 2 ** 20);
  });

  it('reports its progress up to the whole size', async () => {
    const file = fileOfTensors(tensorsOf());
    const seen: [string, number, number][] = [];
    const { backend } = notingBackend();
    await load(memorySource({ 'model.safetensors': file }), backend, (...progress) => seen.push(progress));
    expect(seen.map(([, loaded]) => loaded)).toEqual(seen.map(([, loaded]) => loaded).sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual(['model.safetensors', file.length, file.length]);
  });
});

describe('quantizing while loading', () => {
  const kept = async (file: Uint8Array<ArrayBuffer>, weights: 'q8' | 'q4') => {
    const source = memorySource({ 'model.safetensors': file }, { chunkBytes: 500 });
    const ignore = () => undefined;
    const backend = openCpuBackend();
    return loadWeights({
      ...{ source, backend, dims, storedLayers, weights, quantizeEmbeddings: false },
      ...{ onRoom: ignore, onProgress: ignore },
    });
  };

  it('is refused by file, tensor, row and column if a number is infinite', async () => {
    const tensors = tensorsOf();
    const name = 'model.layers.1.mlp.up_proj.weight';
    const { shape } = tensors.get(name) ?? { shape: [] };
    const [rows = 0, cols = 0] = shape;
    const values = new Float32Array(rows * cols).fill(0.25);
    for (const { name } of specs) {
      const { shape } = tensors.get(name) ?? { shape: [] };
      const length = 2 * shape.reduce((product, size) => product * size, 1);
      tensors.set(name, { dtype: 'F16', shape, bytes: new Uint8Array(length).fill(0x30) });
    }
    tensors.set(name, { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) });
    await expect(kept(fileOfTensors(tensors), 'q4')).resolves.toBeDefined();

    values[3 * cols + 5] = Infinity;
    await expect(kept(fileOfTensors(tensors), 'q8')).rejects.toMatchObject({
      failure: {
        code: 'bad-weights',
        file: 'model.safetensors',
        reason: `tensor ${name} has a NaN or an infinity in row 3, column 5`,
      },
    });
  });
});

it('inputs of 8 bits are refused where they are not computed, before anything is read', async () => {
  const source = memorySource({});
  const backend = {
    ...openCpuBackend(),
    adapter: { ...openCpuBackend().adapter, backend: 'webgpu' },
  } as const;
  const ignore = () => undefined;
  const load = loadWeights({
    ...{ source, backend, dims, storedLayers, weights: 'w4a8', quantizeEmbeddings: false },
    ...{ onRoom: ignore, onProgress: ignore },
  });
  await expect(load).rejects.toMatchObject({
    failure: {
      ...{ code: 'bad-request', field: 'weights' },
      reason: expect.stringMatching(/on the CPU alone: choose the backend CPU/) as string,
    },
  });
});

describe('a shipped checkpoint', () => {
  it('fills the backend with as many bytes as its tensors have in float32', async () => {
    const config = valueOf(
      parseModelConfig(JSON.parse(await readFile('public/models/fairy-lckv/config.json', 'utf8'))),
    );
    const layers = valueOf(applyConfig(config.stored, {}, config.dims.layerCount)).sharing.layers;
    const file = await readFile('public/models/fairy-lckv/model.safetensors');
    const { weights } = await loadWeights({
      source: memorySource({ 'model.safetensors': file }, { chunkBytes: 2 ** 16 }),
      backend: openCpuBackend(),
      dims: config.dims,
      storedLayers: layers,
      weights: 'stored',
      quantizeEmbeddings: false,
      onRoom: () => undefined,
      onProgress: () => undefined,
    });
    const values = weightSpecs(config.dims, layers).reduce((sum, spec) => sum + spec.rows * spec.cols, 0);
    expect(weights.bytes).toBe(values * 4);
  });
});
