import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend, ModelWeights } from '../../../gpu/backend.ts';
import { openCpuBackend } from '../../../gpu/reference/cpu-backend.ts';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { fileOf, fileOfTensors, type TensorOf } from './safetensors-file.ts';
import { memorySource } from './sources.ts';

const { dims, stored } = valueOf(
  parseModelConfig({
    model_type: 'lckv-llama',
    vocab_size: 11,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
    layer_types: '0_2_2',
  }),
);
const storedLayers = valueOf(applyConfig(stored, {}, dims.layerCount)).sharing.layers;
const specs = weightSpecs(dims, storedLayers);
const dtypes = ['F32', 'F16', 'BF16'];

/** A checkpoint whose every byte tells its place: tensors in reverse order, of all three types. */
function tensorsOf(): Map<string, TensorOf> {
  const tensors = [...specs].reverse().map(({ name, rows, cols, vector }, index) => {
    const dtype = dtypes[index % dtypes.length] ?? 'F32';
    const length = rows * cols * (dtype === 'F32' ? 4 : 2);
    const bytes = Uint8Array.from({ length }, (_, byte) => (byte * 31 + index * 7) % 251);
    return [name, { dtype, shape: vector ? [cols] : [rows, cols], bytes }] as const;
  });
  return new Map([['unneeded.inv_freq', { dtype: 'I64', shape: [1], bytes: new Uint8Array(8) }], ...tensors]);
}

/** A CPU backend that notes what it is given, and what is freed. */
function notingBackend({ failAtPut = Infinity } = {}) {
  const put = new Map<string, number[]>();
  let puts = 0;
  let freed = 0;
  const cpu = openCpuBackend();
  const backend: Backend = {
    adapter: cpu.adapter,
    get allocatedBytes() {
      return cpu.allocatedBytes;
    },
    destroy: () => {
      cpu.destroy();
    },
    allocate: async (request) => {
      const weights = await cpu.allocate(request);
      const noting: ModelWeights = {
        get bytes() {
          return weights.bytes;
        },
        put: (spec, firstRow, bytes) => {
          if (++puts > failAtPut) return Promise.reject(new Error('the backend broke'));
          const width = request.elementTypeOf(spec) === 'f32' ? 4 : 2;
          const taken = put.get(spec.name) ?? [];
          expect(taken.length).toBe(firstRow * spec.cols * width);
          expect(bytes.length % (spec.cols * width)).toBe(0);
          put.set(spec.name, [...taken, ...bytes]);
          return weights.put(spec, firstRow, bytes);
        },
        ready: () => weights.ready(),
        open: (options) => weights.open(options),
        free: () => {
          freed++;
          weights.free();
        },
      };
      return noting;
    },
  };
  return { backend, put, puts: () => puts, freed: () => freed };
}

const load = (
  source: ModelSource,
  backend: Backend,
  onProgress: (...progress: [string, number, number]) => void = () => undefined,
) => loadWeights({ source, backend, dims, storedLayers, weights: 'stored', onProgress });

/** The same tensors in two shards and an index. */
function shardsOf(tensors: Map<string, TensorOf>) {
  const names = [...tensors.keys()];
  const half = new Set(names.slice(0, names.length / 2));
  const part = (first: boolean) => new Map([...tensors].filter(([name]) => half.has(name) === first));
  const map = Object.fromEntries(
    names.map((name) => [name, half.has(name) ? 'a.safetensors' : 'b.safetensors']),
  );
  return {
    'a.safetensors': fileOfTensors(part(true)),
    'b.safetensors': fileOfTensors(part(false)),
    'model.safetensors.index.json': JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }),
  };
}

describe('loading weights', () => {
  it('puts every byte of every tensor in its place, however the file arrives', async () => {
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
      onProgress: () => undefined,
    });
    expect(Math.max(...pieces)).toBe(4 * 2 ** 20);
  });

  it('tells how far it is, and ends at the whole', async () => {
    const file = fileOfTensors(tensorsOf());
    const seen: [string, number, number][] = [];
    const { backend } = notingBackend();
    await load(memorySource({ 'model.safetensors': file }), backend, (...progress) => seen.push(progress));
    expect(seen.map(([, loaded]) => loaded)).toEqual(seen.map(([, loaded]) => loaded).sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual(['model.safetensors', file.length, file.length]);
  });
});

describe('weights that cannot be used', () => {
  const whole = (tensors: Map<string, TensorOf>) => ({ 'model.safetensors': fileOfTensors(tensors) });
  const changed = (name: string, change: Partial<TensorOf> | null) => {
    const tensors = tensorsOf();
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`no ${name}`);
    if (change) tensors.set(name, { ...tensor, ...change });
    else tensors.delete(name);
    return tensors;
  };
  const q = 'model.layers.1.self_attn.q_proj.weight';
  const shards = () => shardsOf(tensorsOf());
  const reindexed = (change: (map: Record<string, unknown>) => void) => {
    const files = shards();
    const index = JSON.parse(files['model.safetensors.index.json']) as {
      weight_map: Record<string, unknown>;
    };
    change(index.weight_map);
    return { ...files, 'model.safetensors.index.json': JSON.stringify(index) };
  };

  it.each([
    ['a missing tensor', whole(changed(q, null)), q],
    [
      'a tensor of another shape',
      whole(changed(q, { dtype: 'F32', shape: [8, 16], bytes: new Uint8Array(512) })),
      q,
    ],
    [
      'a vector that is a matrix',
      whole(changed('model.norm.weight', { dtype: 'F32', shape: [1, 16], bytes: new Uint8Array(64) })),
      'model.norm',
    ],
    [
      'a tensor of a type that is not computed',
      whole(changed(q, { dtype: 'F8_E4M3', shape: [16, 16], bytes: new Uint8Array(256) })),
      'F8_E4M3',
    ],
    ['a header that is cut short', { 'model.safetensors': fileOf('{"a":', 0, 900n) }, 'header'],
    ['an index that is not JSON', { 'model.safetensors.index.json': '{' }, 'JSON'],
    ['an index without a map', { 'model.safetensors.index.json': '{"weight_map":[]}' }, 'weight_map'],
    ['a shard that is not there', { ...shards(), 'b.safetensors': undefined }, 'b.safetensors'],
    ['a shard outside the folder', reindexed((map) => (map[q] = '../b.safetensors')), '../b.safetensors'],
    ['a shard at another place', reindexed((map) => (map[q] = 'https://x/b.safetensors')), 'https'],
    ['a shard without the tensor', reindexed((map) => (map[q] = 'a.safetensors')), q],
    ['an index without the tensor', reindexed((map) => delete map[q]), q],
    ['a tensor in two shards', { ...shards(), 'b.safetensors': shards()['a.safetensors'] }, 'too'],
  ])('are refused before the backend is asked for room: %s', async (_, files, named) => {
    const present = Object.fromEntries(
      Object.entries(files).filter(([, content]) => content !== undefined),
    ) as Record<string, string | Uint8Array>;
    for (const sizesKnown of [true, false]) {
      const { backend, puts, freed } = notingBackend();
      const loading = load(memorySource(present, { sizesKnown }), backend);
      await expect(loading).rejects.toMatchObject({ failure: { code: 'bad-weights' } });
      await expect(loading).rejects.toThrow(named);
      expect([puts(), freed(), backend.allocatedBytes]).toEqual([0, 0, 0]);
    }
  });

  it('are download-failed where there are none', async () => {
    const { backend } = notingBackend();
    await expect(load(memorySource({}), backend)).rejects.toMatchObject({
      failure: { code: 'download-failed', file: 'model.safetensors', status: 404 },
    });
  });

  it('are freed where the file is cut short, at any byte', async () => {
    const file = fileOfTensors(tensorsOf());
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.boolean(), async (length, sizesKnown) => {
        const { backend } = notingBackend();
        const source = memorySource({ 'model.safetensors': file.slice(0, length) }, { sizesKnown });
        await expect(load(source, backend)).rejects.toMatchObject({
          failure: { code: 'bad-weights', file: 'model.safetensors' },
        });
        expect(backend.allocatedBytes).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('are freed where bytes follow that no header promised', async () => {
    const file = new Uint8Array([...fileOfTensors(tensorsOf()), 0]);
    const { backend, freed } = notingBackend();
    const source = memorySource({ 'model.safetensors': file }, { sizesKnown: false });
    await expect(load(source, backend)).rejects.toMatchObject({ failure: { code: 'bad-weights' } });
    expect(freed()).toBe(1);
  });

  it('are freed where the backend fails', async () => {
    const { backend, freed } = notingBackend({ failAtPut: 3 });
    const source = memorySource({ 'model.safetensors': fileOfTensors(tensorsOf()) });
    await expect(load(source, backend)).rejects.toThrow('the backend broke');
    expect([freed(), backend.allocatedBytes]).toEqual([1, 0]);
  });

  it('let go of every file that was opened', async () => {
    const source = memorySource(shards());
    let open = 0;
    const counting: ModelSource = {
      text: (file) => source.text(file),
      open: async (file) => {
        const opened = await source.open(file);
        if (!opened) return null;
        open++;
        const { chunks } = opened;
        let ended = false;
        const end = () => {
          if (!ended) open--;
          ended = true;
        };
        return {
          ...opened,
          chunks: {
            next: () => chunks.next(),
            return: async () => {
              end();
              return (await chunks.return?.()) ?? { done: true as const, value: undefined };
            },
          },
        };
      },
    };
    await load(counting, notingBackend().backend);
    expect(open).toBe(0);
    await load(counting, notingBackend({ failAtPut: 3 }).backend).catch(() => undefined);
    expect(open).toBe(0);
  });
});

describe('a shipped checkpoint', () => {
  it('fills the backend with as many bytes as its tensors have in float32', async () => {
    const config = valueOf(
      parseModelConfig(JSON.parse(await readFile('public/models/fairy-lckv/config.json', 'utf8'))),
    );
    const layers = valueOf(applyConfig(config.stored, {}, config.dims.layerCount)).sharing.layers;
    const file = await readFile('public/models/fairy-lckv/model.safetensors');
    const weights = await loadWeights({
      source: memorySource({ 'model.safetensors': file }, { chunkBytes: 2 ** 16 }),
      backend: openCpuBackend(),
      dims: config.dims,
      storedLayers: layers,
      weights: 'stored',
      onProgress: () => undefined,
    });
    const values = weightSpecs(config.dims, layers).reduce((sum, spec) => sum + spec.rows * spec.cols, 0);
    expect(weights.bytes).toBe(values * 4);
  });
});
