import { describe, expect, it } from 'vitest';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { loadWeights } from '../../../worker/loader/load-weights.ts';
import { fileOfTensors, type TensorOf } from './safetensors-file.ts';
import { memorySource } from './sources.ts';
import { dims, notingBackend, shardsOf, storedLayers, tensorsOf } from './tiny-checkpoint.ts';

const HEAD = 'lm_head.weight';
const EMBEDDING = 'model.embed_tokens.weight';

async function load(
  files: Readonly<Record<string, string | Uint8Array>>,
  changes: Partial<typeof dims> = {},
) {
  const { backend, put } = notingBackend();
  const loaded = await loadWeights({
    ...{ source: memorySource(files), backend, storedLayers, dims: { ...dims, ...changes } },
    ...{ weights: 'stored', quantizeEmbeddings: false, onRoom: () => undefined, onProgress: () => undefined },
  });
  return { ...loaded, put };
}

/** Only the tensors that the model uses. */
function usedTensors(): Map<string, TensorOf> {
  const used = new Set(weightSpecs(dims, storedLayers).map(({ name }) => name));
  return new Map([...tensorsOf()].filter(([name]) => used.has(name)));
}

const whole = (tensors: Map<string, TensorOf>) => ({ 'model.safetensors': fileOfTensors(tensors) });

/** Two shards, with a change to their index. */
function indexed(change: (index: { weight_map: Record<string, string>; metadata: unknown }) => void) {
  const files = shardsOf(usedTensors());
  const index = JSON.parse(files['model.safetensors.index.json']) as Parameters<typeof change>[0];
  change(index);
  return { ...files, 'model.safetensors.index.json': JSON.stringify(index) };
}

describe('A checkpoint that matches its configuration', () => {
  it('loads without a notice, from one file or from shards', async () => {
    expect((await load(whole(usedTensors()))).notices).toEqual([]);
    expect((await load(shardsOf(usedTensors()))).notices).toEqual([]);
  });
});

describe('Tied embeddings', () => {
  const tied = { tiedEmbeddings: true } as const;

  it('are overruled by a head in the files with other numbers, and a notice says so', async () => {
    const tensors = usedTensors();
    const { dims: found, notices, put } = await load(whole(tensors), tied);
    expect(found.tiedEmbeddings).toBe(false);
    expect(notices).toEqual([expect.stringContaining('tie_word_embeddings')]);
    expect(put.get(HEAD)).toEqual([...(tensors.get(HEAD)?.bytes ?? [])]);
  });

  it('are tied silently if the head in the files equals the embedding or is missing', async () => {
    const tensors = usedTensors();
    const embedding = tensors.get(EMBEDDING);
    if (!embedding) throw new Error('no embedding');
    for (const head of [embedding, null]) {
      if (head) tensors.set(HEAD, head);
      else tensors.delete(HEAD);
      const { dims: found, notices, put } = await load(whole(tensors), tied);
      expect([found.tiedEmbeddings, notices, put.has(HEAD)]).toEqual([true, [], false]);
    }
  });
});

describe('Bookkeeping that no loader relies on', () => {
  it.each([
    [
      'a tensor that no shard holds',
      (map: Record<string, string>) => (map['mtp.fc.weight'] = 'b.safetensors'),
      'mtp.fc.weight',
    ],
    ['a tensor in the wrong shard', (map: Record<string, string>) => (map[HEAD] = 'b.safetensors'), HEAD],
  ])('does not keep a model from loading if the index names %s', async (_, change, named) => {
    const { notices } = await load(indexed(({ weight_map }) => change(weight_map)));
    expect(notices).toEqual([expect.stringContaining(named)]);
  });

  it('does not keep a model from loading if total_size counts something else', async () => {
    const { notices } = await load(indexed((index) => (index.metadata = { total_size: 7 })));
    expect(notices).toEqual([expect.stringContaining('the tensors have 7 bytes')]);
    expect((await load(indexed((index) => (index.metadata = { total_size: 'all' })))).notices).toEqual([]);
  });

  it('does not keep a model from loading if __metadata__ is null', async () => {
    const file = fileOfTensors(usedTensors());
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(file.subarray(8, 8 + headerBytes));
    const changed = new TextEncoder().encode(header.replace('{', '{"__metadata__":null,'));
    const bytes = new Uint8Array([...new Uint8Array(8), ...changed, ...file.subarray(8 + headerBytes)]);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(changed.length), true);
    expect((await load({ 'model.safetensors': bytes })).notices).toEqual([]);
  });

  it('does not keep a model from loading if two shards hold a tensor with the same bytes', async () => {
    const tensors = usedTensors();
    const files = { ...shardsOf(tensors), 'b.safetensors': fileOfTensors(tensors) };
    expect((await load(files)).put.size).toBe(tensors.size);
  });
});

describe('Tensors by other names', () => {
  it('load without the prefix "model.", in one file or in shards', async () => {
    const tensors = usedTensors();
    const bare = new Map([...tensors].map(([name, tensor]) => [name.replace(/^model\./, ''), tensor]));
    for (const files of [whole(bare), shardsOf(bare)]) {
      const { put, notices } = await load(files);
      expect([...put.keys()].sort()).toEqual([...tensors.keys()].sort());
      expect(notices).toEqual([]);
    }
  });
});

describe('Tensors that the model does not use', () => {
  it('are named in a notice', async () => {
    const tensors = usedTensors();
    for (const name of ['a', 'b\u202e', 'c', 'd']) {
      tensors.set(`model.layers.9.${name}`, { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) });
    }
    const { notices } = await load(whole(tensors));
    expect(notices).toEqual([
      'The model as config.json describes it does not use 4 of the tensors in the files: model.layers.9.a, model.layers.9.b\\u{202e}, model.layers.9.c and 1 more.',
    ]);
  });

  it('are ignored if they are the rotary frequencies of config.json, and named if they differ', async () => {
    const name = 'model.layers.0.self_attn.rotary_emb.inv_freq';
    const frequencies = Float32Array.from(
      { length: dims.headDim / 2 },
      (_, i) => 10_000 ** ((-2 * i) / dims.headDim),
    );
    const withFrequencies = (values: Float32Array<ArrayBuffer>) =>
      usedTensors().set(name, { dtype: 'F32', shape: [values.length], bytes: new Uint8Array(values.buffer) });
    expect((await load(whole(withFrequencies(frequencies)))).notices).toEqual([]);
    const stretched = await load(whole(withFrequencies(frequencies.map((value) => value / 4))));
    expect(stretched.notices).toEqual([expect.stringContaining('inv_freq')]);
  });
});
