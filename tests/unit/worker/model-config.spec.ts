import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import type { SharingConfig } from '../../../worker/protocol/load.ts';
import { fc } from '../../support/seeded-properties.ts';

const llama = {
  model_type: 'llama',
  hidden_act: 'silu',
  vocab_size: 160,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: 512,
};

/** The config of a file with some fields changed. A field set to undefined is absent. */
function read(changes: Record<string, unknown> = {}) {
  const parsed = parseModelConfig(JSON.parse(JSON.stringify({ ...llama, ...changes })));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.failure));
  return parsed.value;
}

function failureOf(changes: Record<string, unknown>) {
  const parsed = parseModelConfig({ ...llama, ...changes });
  if (parsed.ok) throw new Error('it was accepted');
  return parsed.failure;
}

describe('config.json of a shipped or golden model', () => {
  it.each(['public/models/fairy-lckv', 'public/models/fairy-llama', 'tests/fixtures/golden/yoco'])(
    'is read: %s',
    async (folder) => {
      const parsed = parseModelConfig(JSON.parse(await readFile(`${folder}/config.json`, 'utf8')));
      expect(parsed).toMatchObject({
        ok: true,
        value: { eosIds: [1], bosId: 0, useSequential: false, dims: { layerCount: 8 } },
      });
    },
  );
});

describe('dimensions', () => {
  it('take as many KV heads as heads if none are named', () => {
    expect(read({ num_key_value_heads: undefined }).dims.kvHeads).toBe(4);
    expect(read({ num_key_value_heads: null }).dims.kvHeads).toBe(4);
  });

  it('use head_dim, or divide the hidden size among the heads if it is absent', () => {
    expect(read({ head_dim: undefined }).dims.headDim).toBe(16);
    expect(read({ head_dim: 128 }).dims.headDim).toBe(128);
  });

  it.each([
    ['num_hidden_layers', 0],
    ['num_hidden_layers', 1e9],
    ['num_hidden_layers', 2.5],
    ['hidden_size', -64],
    ['hidden_size', '64'],
    ['vocab_size', undefined],
    ['vocab_size', Number.NaN],
    ['head_dim', 12],
    ['head_dim', 4096],
    ['num_key_value_heads', 3],
    ['intermediate_size', [96]],
    ['max_position_embeddings', 0],
    ['rms_norm_eps', 0],
    ['rms_norm_eps', 2],
    ['tie_word_embeddings', 'yes'],
    ['hidden_act', 'gelu'],
    ['model_type', 'gemma3_text'],
    ['model_type', undefined],
    ['partial_rotary_factor', 0.5],
    ['rope_interleaved', true],
    ['rope_theta', 0],
    ['eos_token_id', 'end'],
    ['eos_token_id', [1, 1.5]],
    ['sliding_window', 0],
    ['forward_passes', -1],
    ['use_sequential', 1],
    ['force_nodiag', 'no'],
  ])('are refused with the name of the field if %s is %j', (field, value) => {
    expect(failureOf({ [field]: value })).toMatchObject({ code: 'bad-config', field });
  });

  it('are refused for anything but an object, without throwing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.constant(undefined)), (json) => {
        expect(parseModelConfig(json).ok).toBe(false);
      }),
    );
  });

  it('never throw, whatever one field holds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(llama), 'layer_types', 'rope_scaling'),
        fc.jsonValue(),
        (field, value) => {
          const parsed = parseModelConfig({ ...llama, [field]: value });
          if (!parsed.ok) expect(['bad-config', 'bad-layer-types']).toContain(parsed.failure.code);
        },
      ),
    );
  });

  it('are not fooled by fields of the prototype', () => {
    expect(parseModelConfig(JSON.parse('{"__proto__": {"model_type": "llama"}}'))).toMatchObject({
      failure: { field: 'model_type' },
    });
    expect(failureOf({ model_type: 'constructor' })).toMatchObject({ field: 'model_type' });
  });
});

describe('biases and norms', () => {
  it.each([
    ['llama', { attention_bias: true, mlp_bias: true }, [true, true, true, false]],
    ['llama', {}, [false, false, false, false]],
    ['qwen2', {}, [true, false, false, false]],
    ['qwen3', { attention_bias: true }, [true, true, false, true]],
    ['mistral', {}, [false, false, false, false]],
    // These families' own code ignores the fields.
    ['mistral', { attention_bias: true, mlp_bias: true }, [false, false, false, false]],
    ['qwen2', { attention_bias: true, mlp_bias: true }, [true, false, false, false]],
    ['qwen3', { mlp_bias: true }, [false, false, false, true]],
  ])('of %s with %j are [qkv, output, mlp, qk norm] = %j', (family, changes, expected) => {
    const { dims } = read({ model_type: family, ...changes });
    expect([dims.qkvBias, dims.outputBias, dims.mlpBias, dims.qkNorm]).toEqual(expected);
  });
});

it('The activation has two names', () => {
  for (const hidden_act of ['silu', 'swish', null]) expect(read({ hidden_act })).toEqual(read());
  expect(failureOf({ hidden_act: 'gelu' })).toMatchObject({ field: 'hidden_act' });
});

describe('rotary embedding', () => {
  const llama3 = {
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const stretched = { factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalContextTokens: 64 };

  it.each([
    [{}, { type: 'default', theta: 10000 }],
    [{ rope_theta: undefined }, { type: 'default', theta: 10000 }],
    [
      { rope_scaling: null, rope_theta: 5e5 },
      { type: 'default', theta: 5e5 },
    ],
    [{ rope_parameters: { rope_theta: 1e6, rope_type: 'default' } }, { type: 'default', theta: 1e6 }],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, { type: 'linear', theta: 10000, factor: 2 }],
    [{ rope_scaling: { rope_type: 'llama3', ...llama3 } }, { type: 'llama3', theta: 10000, ...stretched }],
    [
      { rope_parameters: { rope_type: 'llama3', rope_theta: 5e5, ...llama3 } },
      { type: 'llama3', theta: 5e5, ...stretched },
    ],
  ])('reads %j', (changes, rope) => {
    expect(read(changes).dims.rope).toEqual(rope);
  });

  it.each(['dynamic', 'longrope'])('refuses %s and names the field that asks for it', (type) => {
    expect(failureOf({ rope_scaling: { type, factor: 2 } })).toMatchObject({ field: 'rope_scaling' });
    expect(failureOf({ rope_parameters: { rope_type: type } })).toMatchObject({ field: 'rope_parameters' });
  });

  it('refuses a stretch without its factor', () => {
    expect(failureOf({ rope_scaling: { type: 'linear' } })).toMatchObject({ field: 'rope_scaling.factor' });
  });
});

describe('stored layer types', () => {
  const types = (changes: Record<string, unknown>) => read(changes).stored.layerTypes;

  it('are LCKV notation if the field is a string', () => {
    expect(types({ layer_types: '0_2s_2_3' })).toBe('0_2s_2_3');
    expect(failureOf({ layer_types: '0_2_4_3' })).toMatchObject({ code: 'bad-layer-types', at: 2 });
    expect(failureOf({ layer_types: '0_2' })).toMatchObject({ code: 'bad-layer-types', at: 2 });
    const turning = '"\\u{202e}1" is not a layer number';
    expect(failureOf({ layer_types: '0_\u202e1_2_3' })).toMatchObject({ at: 1, reason: turning });
  });

  it("are each layer's own KV, windowed if Hugging Face's array says so", () => {
    const array = ['full_attention', 'sliding_attention', 'full_attention', 'sliding_attention'];
    expect(types({ layer_types: array })).toBe('0_1s_2_3s');
    expect(failureOf({ layer_types: array.slice(1) })).toMatchObject({ code: 'bad-layer-types', at: 3 });
    expect(failureOf({ layer_types: [...array.slice(0, 3), 'chunked_attention'] })).toMatchObject({ at: 3 });
  });

  it("follow the family's rule if the field is absent", () => {
    expect(types({})).toBe('0_1_2_3');
    expect(types({ sliding_window: 64 })).toBe('0_1_2_3');
    expect(types({ model_type: 'mistral', sliding_window: 64 })).toBe('0s_1s_2s_3s');
    expect(types({ model_type: 'mistral', sliding_window: null })).toBe('0_1_2_3');
    const qwen = { model_type: 'qwen2', sliding_window: 64, max_window_layers: 2 };
    expect(types({ ...qwen, use_sliding_window: true })).toBe('0_1_2s_3s');
    expect(types({ ...qwen, use_sliding_window: false })).toBe('0_1_2_3');
  });

  it('come with the defaults of LCKV for passes, and with the context as the window', () => {
    expect(read().stored).toEqual({
      layerTypes: '0_1_2_3',
      slidingWindow: 512,
      forwardPasses: 7,
      backwardPasses: 2,
      forceNodiag: false,
    });
  });
});

describe('end tokens', () => {
  it.each([
    [2, [2]],
    [
      [1, 2],
      [1, 2],
    ],
    [null, []],
    [undefined, []],
    [-1, []],
    [[1, 999], [1]],
  ])('are read from %j', (eos, expected) => {
    expect(read({ eos_token_id: eos }).eosIds).toEqual(expected);
  });
});

describe('a configuration with overrides', () => {
  const stored: SharingConfig = {
    layerTypes: '0_2_2_3',
    slidingWindow: 64,
    forwardPasses: 7,
    backwardPasses: 2,
    forceNodiag: true,
  };

  it('is the stored one if nothing is overridden', () => {
    expect(applyConfig(stored, {}, 4)).toMatchObject({
      ok: true,
      value: {
        sharing: {
          windowTokens: 64,
          forceNodiag: true,
          layers: [{ readsFrom: 0 }, { readsFrom: 2 }, {}, {}],
        },
        passes: { forward: 7, backward: 2 },
      },
    });
  });

  it('applies each override', () => {
    const overrides = {
      layerTypes: '0s_1_2_3',
      slidingWindow: 8,
      forwardPasses: 1,
      backwardPasses: 0,
      forceNodiag: false,
    };
    expect(applyConfig(stored, overrides, 4)).toMatchObject({
      value: {
        sharing: { windowTokens: 8, forceNodiag: false, layers: [{ windowed: true }, {}, {}, {}] },
        passes: { forward: 1, backward: 0 },
      },
    });
  });

  it.each([
    [{ layerTypes: '0_9_2_3' }, { code: 'bad-layer-types', at: 1, reason: 'there is no layer 9' }],
    [{ layerTypes: '0_\u202e1_2_3' }, { at: 1, reason: '"\\u{202e}1" is not a layer number' }],
    [{ slidingWindow: 0 }, { code: 'bad-config', field: 'sliding_window' }],
    [{ slidingWindow: 1.5 }, { code: 'bad-config', field: 'sliding_window' }],
    [{ forwardPasses: -1 }, { code: 'bad-config', field: 'forward_passes' }],
    [{ backwardPasses: NaN }, { code: 'bad-config', field: 'backward_passes' }],
    [
      { forwardPasses: 0, backwardPasses: 0 },
      { code: 'bad-config', field: 'forward_passes' },
    ],
  ])('is refused for %j', (overrides, failure) => {
    expect(applyConfig(stored, overrides, 4)).toMatchObject({ ok: false, failure });
  });
});
