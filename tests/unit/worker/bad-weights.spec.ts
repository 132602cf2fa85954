import { describe, expect, it } from 'vitest';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { fileOf, fileOfTensors, type TensorOf } from './safetensors-file.ts';
import { memorySource } from './sources.ts';
import { load, notingBackend, shardsOf, tensorsOf } from './tiny-checkpoint.ts';
import { fc } from '../../support/seeded-properties.ts';

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
  const withOtherBytes = (name: string) => {
    const tensors = tensorsOf();
    const tensor = tensors.get(name);
    return changed(name, { bytes: new Uint8Array(tensor?.bytes.length ?? 0).fill(1) });
  };
  const shards = () => shardsOf(tensorsOf());
  type Changeable = Record<string, unknown>;
  const reindexed = (change: (map: Changeable, metadata: Changeable) => void) => {
    const files = shards();
    const index = JSON.parse(files['model.safetensors.index.json']) as {
      weight_map: Changeable;
      metadata: Changeable;
    };
    change(index.weight_map, index.metadata);
    return { ...files, 'model.safetensors.index.json': JSON.stringify(index) };
  };
  const shardCutShort = () => ({ ...shards(), 'b.safetensors': shards()['b.safetensors'].slice(0, -1) });

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
      'a tensor of an unsupported type',
      whole(changed(q, { dtype: 'F8_E4M3', shape: [16, 16], bytes: new Uint8Array(256) })),
      'F8_E4M3',
    ],
    ['a header that is cut short', { 'model.safetensors': fileOf('{"a":', 0, 900n) }, 'header'],
    ['an index that is not JSON', { 'model.safetensors.index.json': '{' }, 'JSON'],
    ['an index without a map', { 'model.safetensors.index.json': '{"weight_map":[]}' }, 'weight_map'],
    ['a missing shard', { ...shards(), 'b.safetensors': undefined }, 'b.safetensors'],
    ['a shard outside the folder', reindexed((map) => (map[q] = '../b.safetensors')), '../b.safetensors'],
    ['a shard at another place', reindexed((map) => (map[q] = 'https://x/b.safetensors')), 'https'],
    [
      'an index that names a tensor twice',
      {
        ...shards(),
        'model.safetensors.index.json': `{"weight_map":{"x":"a.safetensors","x":"b.safetensors"}}`,
      },
      'twice',
    ],
    [
      'a tensor in two shards with different bytes',
      {
        ...shards(),
        'a.safetensors': fileOfTensors(tensorsOf()),
        'b.safetensors': fileOfTensors(withOtherBytes(q)),
      },
      'too',
    ],
    ['an empty map', { 'model.safetensors.index.json': '{"weight_map":{}}' }, 'names no tensor'],
    [
      'a Git LFS pointer',
      { 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 269060552\n' },
      'Git LFS pointer, and the file itself of 269060552 bytes was not downloaded',
    ],
    ['an answer in words', { 'model.safetensors': 'Entry not found' }, 'it is a text that begins'],
    [
      'an answer in JSON',
      { 'model.safetensors': '{"error":"Repository not found"}' },
      'it is a text that begins',
    ],
    ['a web page', { 'model.safetensors': '<!doctype html><html><title>Sign in</title>' }, 'web page'],
    ['a page that begins with a space', { 'model.safetensors': ' <html><title>Sign in</title>' }, 'web page'],
    ['a GGUF file', { 'model.safetensors': 'GGUF\x03\x00\x00\x00\x01' }, 'GGUF'],
    ['a zip', { 'model.safetensors': 'PK\x03\x04\x14\x00\x08\x08\x00' }, 'PyTorch'],
    ['nothing', { 'model.safetensors': '' }, 'empty'],
  ])('are refused before the backend allocates anything: %s', async (_, files, named) => {
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

  it('are refused if a shard is cut short', async () => {
    for (const sizesKnown of [true, false]) {
      const { backend } = notingBackend();
      await expect(load(memorySource(shardCutShort(), { sizesKnown }), backend)).rejects.toMatchObject({
        failure: {
          code: 'bad-weights',
          file: 'b.safetensors',
          reason: expect.stringContaining('cut short') as string,
        },
      });
      expect(backend.allocatedBytes).toBe(0);
    }
  });

  it('fail as download-failed if there are none', async () => {
    const { backend } = notingBackend();
    await expect(load(memorySource({}), backend)).rejects.toMatchObject({
      failure: { code: 'download-failed', file: 'model.safetensors', status: 404 },
    });
  });

  it('are freed if the file is cut short, at any byte', async () => {
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

  it('are freed if bytes follow that no header promised', async () => {
    const file = new Uint8Array([...fileOfTensors(tensorsOf()), 0]);
    const { backend, freed } = notingBackend();
    const source = memorySource({ 'model.safetensors': file }, { sizesKnown: false });
    await expect(load(source, backend)).rejects.toMatchObject({ failure: { code: 'bad-weights' } });
    expect(freed()).toBe(1);
  });

  it('are freed if the backend fails', async () => {
    const { backend, freed } = notingBackend({ failAtPut: 3 });
    const source = memorySource({ 'model.safetensors': fileOfTensors(tensorsOf()) });
    await expect(load(source, backend)).rejects.toThrow('the backend broke');
    expect([freed(), backend.allocatedBytes]).toEqual([1, 0]);
  });

  it('close every file that was opened', async () => {
    const source = memorySource(shards());
    let open = 0;
    const counting: ModelSource = {
      names: () => source.names(),
      text: (file) => source.text(file),
      open: async (file, begin) => {
        const opened = await source.open(file, begin);
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
