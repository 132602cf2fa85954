import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { exportedConfig } from '../../../worker/export/exported-config.ts';
import { formatJsonFields, jsonFields } from '../../../worker/export/json-fields.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import type { SharingConfig } from '../../../worker/protocol/load.ts';
import { fc } from '../../support/seeded-properties.ts';

/** The config.json of a published model under another plan: its text, and what reading it gives. */
async function exported(name: string, changes: Partial<SharingConfig>) {
  const text = await readFile(`tests/fixtures/configs/${name}.json`, 'utf8');
  const config = valueOf(parseModelConfig(JSON.parse(text)));
  const plan = (overrides: Partial<SharingConfig>) =>
    valueOf(applyConfig(config.stored, overrides, config.dims.layerCount));
  const written = exportedConfig(text, config, plan({}), plan(changes), 'bf16');
  const json = JSON.parse(written.text) as Record<string, unknown>;
  return { ...written, json, config, again: valueOf(parseModelConfig(json)) };
}

const shared = (layers: number) =>
  ['0', ...Array<string>(layers - 2).fill(`${layers - 2}`), `${layers - 1}`].join('_');
const windowed = (layers: number, from: number) =>
  Array.from({ length: layers }, (_, i) => `${i}${i >= from ? 's' : ''}`).join('_');

describe('The config.json of an export', () => {
  it.each([
    ['tinyllama-chat', 22],
    ['smollm2-135m', 30],
    ['llama-3.2-1b-instruct', 16],
    ['mistral-7b-v0.3', 32],
    ['vicuna-13b-16k', 40],
    ['llama-7b', 32],
  ])('is readable by LCKV for %s with shared KV', async (name, layers) => {
    const { json, readBy, config, again } = await exported(name, { layerTypes: shared(layers) });
    expect(readBy).toBe('lckv');
    expect(json).toMatchObject({
      model_type: 'lckv-llama',
      architectures: ['LCKVLlamaForCausalLM'],
      layer_types: shared(layers),
      forward_passes: 7,
      backward_passes: 2,
      use_sequential: false,
      force_nodiag: false,
      torch_dtype: 'bfloat16',
    });
    expect(again.dims).toEqual(config.dims);
    expect(again.stored).toMatchObject({
      layerTypes: shared(layers),
      slidingWindow: config.stored.slidingWindow,
    });
    expect(again.eosIds).toEqual(config.eosIds);
  });

  it('keeps all fields of an LCKV checkpoint but the plan', async () => {
    const plan = {
      layerTypes: shared(22),
      forwardPasses: 4,
      backwardPasses: 1,
      slidingWindow: 64,
      forceNodiag: false,
    };
    const { text, json } = await exported('tinyllama-lckv-w10', plan);
    const before = JSON.parse(
      await readFile('tests/fixtures/configs/tinyllama-lckv-w10.json', 'utf8'),
    ) as object;
    expect(json).toEqual({
      ...before,
      layer_types: shared(22),
      forward_passes: 4,
      backward_passes: 1,
      sliding_window: 64,
      force_nodiag: false,
    });
    expect(text).toContain('"rope_theta": 10000.0');
  });

  it('is that of a plain LLaMA if an LCKV checkpoint shares nothing any more', async () => {
    const plain = Array.from({ length: 22 }, (_, layer) => `${layer}`).join('_');
    const { json, readBy, again } = await exported('tinyllama-lckv-w10', {
      ...{ layerTypes: plain, forceNodiag: false },
    });
    expect(readBy).toBe('transformers');
    expect(json).toMatchObject({ model_type: 'llama', architectures: ['LlamaForCausalLM'] });
    for (const field of ['layer_types', 'forward_passes', 'use_sequential', 'sliding_window']) {
      expect(json).not.toHaveProperty(field);
    }
    expect(again.stored.layerTypes).toBe(plain);
    // A window, or no diagonal, is nothing that a plain LLaMA has.
    const windowed = await exported('tinyllama-lckv-w10', {
      ...{ layerTypes: `${plain}s`, forceNodiag: false },
    });
    expect(windowed.readBy).toBe('lckv');
    // The stored file forbids it.
    expect((await exported('tinyllama-lckv-w10', { layerTypes: plain })).readBy).toBe('lckv');
  });

  it('turns fields of transformers 5 into those of transformers 4 if LCKV has to read it', () => {
    const text = JSON.stringify({
      ...{
        model_type: 'llama',
        vocab_size: 32,
        hidden_size: 32,
        intermediate_size: 32,
        num_hidden_layers: 2,
      },
      ...{ num_attention_heads: 2, dtype: 'float32' },
      rope_parameters: { rope_type: 'linear', rope_theta: 5e5, factor: 4 },
    });
    const config = valueOf(parseModelConfig(JSON.parse(text)));
    const plan = (layerTypes: string) => valueOf(applyConfig(config.stored, { layerTypes }, 2));
    const written = exportedConfig(text, config, plan('0_1'), plan('0_0'), 'f16');
    const json = JSON.parse(written.text) as object;
    expect(json).toMatchObject({
      torch_dtype: 'float16',
      rope_theta: 5e5,
      rope_scaling: { rope_type: 'linear', factor: 4 },
    });
    expect(json).not.toHaveProperty('dtype');
    expect(json).not.toHaveProperty('rope_parameters');
    expect(valueOf(parseModelConfig(json)).dims).toEqual(config.dims);
  });

  it("writes windows of a Qwen in transformers' fields, and sharing in LCKV's, for kvtab only", async () => {
    for (const name of ['qwen2.5-0.5b', 'qwen3-0.6b', 'qwen3-0.6b.transformers-5']) {
      const layers = name.startsWith('qwen2') ? 24 : 28;
      const plain = await exported(name, { layerTypes: windowed(layers, 4), slidingWindow: 128 });
      expect(plain.readBy).toBe('transformers');
      expect(plain.json).toMatchObject({ use_sliding_window: true, sliding_window: 128 });
      expect(plain.json['layer_types']).toContain('sliding_attention');
      expect(plain.again.stored).toMatchObject({ layerTypes: windowed(layers, 4), slidingWindow: 128 });

      const sharing = await exported(name, { layerTypes: shared(layers) });
      expect(sharing.readBy).toBe('kvtab');
      expect(sharing.json['model_type']).toBe(name.startsWith('qwen2') ? 'qwen2' : 'qwen3');
      expect(sharing.again.stored.layerTypes).toBe(shared(layers));
      expect(sharing.again.dims).toEqual(sharing.config.dims);
    }
  });

  it('keeps a Mistral a Mistral if all of its layers are windowed, or none', async () => {
    const none = await exported('mistral-7b-v0.1', { layerTypes: windowed(32, 99) });
    expect(none.json).toMatchObject({ model_type: 'mistral', sliding_window: null });
    expect(none.again.stored.layerTypes).toBe(windowed(32, 99));
    const all = await exported('mistral-7b-v0.3', { layerTypes: windowed(32, 0), slidingWindow: 512 });
    expect(all.json).toMatchObject({ model_type: 'mistral', sliding_window: 512 });
    expect(all.readBy).toBe('transformers');
    expect((await exported('mistral-7b-v0.3', { layerTypes: windowed(32, 8) })).readBy).toBe('lckv');
  });

  it('equals the stored one for a plan that computes the same', async () => {
    const { text, readBy } = await exported('tinyllama-chat', { slidingWindow: 9, forwardPasses: 3 });
    const stored = await readFile('tests/fixtures/configs/tinyllama-chat.json', 'utf8');
    expect(JSON.parse(text)).toEqual(JSON.parse(stored));
    expect(readBy).toBe('transformers');
  });
});

describe('The fields of a JSON text', () => {
  it('are those of JSON.parse, each as it is written', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 4), (object, indent) => {
        const fields = jsonFields(JSON.stringify(object, null, indent));
        expect([...fields.keys()].sort()).toEqual(Object.keys(object).sort());
        for (const [key, text] of fields)
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(object[key])));
        expect(JSON.parse(formatJsonFields(fields))).toEqual(JSON.parse(JSON.stringify(object)));
      }),
    );
    const text = '{"a": 1e-05, "b": [1.0, {"c": "}"}], "d": {"e": 10000.0}}';
    expect([...jsonFields(text)]).toEqual([
      ['a', '1e-05'],
      ['b', '[1.0, {"c": "}"}]'],
      ['d', '{"e": 10000.0}'],
    ]);
  });
});
