import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { weightSpecs } from '../../../gpu/plan/weight-specs.ts';
import { applyConfig } from '../../../worker/loader/apply-config.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';

/** The config.json of a published model, with some fields changed. */
async function published(name: string, changes: Record<string, unknown> = {}) {
  const json = JSON.parse(await readFile(`tests/fixtures/configs/${name}.json`, 'utf8')) as object;
  return { ...json, ...changes };
}

const read = async (...file: Parameters<typeof published>) =>
  valueOf(parseModelConfig(await published(...file)));

const failureOf = async (...file: Parameters<typeof published>) => {
  const parsed = parseModelConfig(await published(...file));
  return parsed.ok ? null : parsed.failure;
};

const ownKv = (layers: number, suffix = '') =>
  Array.from({ length: layers }, (_, i) => `${i}${suffix}`).join('_');

describe('The config.json of a published model', () => {
  // The parameter counts are those on the Hub.
  it.each([
    ['tinyllama-lckv-w10', 1_100_048_384 - 11 * 2 * 256 * 2048],
    ['tinyllama-chat', 1_100_048_384],
    ['smollm2-135m', 134_515_008],
    ['llama-3.2-1b-instruct', 1_235_814_400],
    ['qwen3-0.6b', 596_049_920],
    ['qwen3-0.6b.transformers-5', 596_049_920],
    ['qwen3-0.6b.yarn', 596_049_920],
    ['qwen2.5-0.5b', 494_032_768],
    ['mistral-7b-v0.1', 7_241_732_096],
    ['mistral-7b-v0.3', 7_248_023_552],
    ['vicuna-13b-16k', 13_015_864_320],
    ['llama-7b', 6_738_415_616],
  ])('gives the tensors of %s, with %i parameters', async (name, parameters) => {
    const { dims, stored } = await read(name);
    const { sharing } = valueOf(applyConfig(stored, {}, dims.layerCount));
    const count = weightSpecs(dims, sharing.layers).reduce((sum, { rows, cols }) => sum + rows * cols, 0);
    expect(count).toBe(parameters);
  });

  it.each([
    ['tinyllama-lckv-w10', { type: 'default', theta: 10_000 }],
    ['smollm2-135m', { type: 'default', theta: 100_000 }],
    ['llama-3.2-1b-instruct', { type: 'llama3', theta: 500_000, factor: 32, originalContextTokens: 8192 }],
    ['qwen3-0.6b', { type: 'default', theta: 1_000_000 }],
    ['qwen3-0.6b.transformers-5', { type: 'default', theta: 1_000_000 }],
    ['vicuna-13b-16k', { type: 'linear', theta: 10_000, factor: 4 }],
    ['llama-7b', { type: 'default', theta: 10_000 }],
    [
      'qwen3-0.6b.yarn',
      {
        ...{ type: 'yarn', theta: 1_000_000, factor: 4, originalContextTokens: 32_768 },
        ...{ betaFast: 32, betaSlow: 1, truncate: true, attentionFactor: 0.1 * Math.log(4) + 1 },
      },
    ],
  ])('gives the rotary embedding of %s', async (name, rope) => {
    expect((await read(name)).dims.rope).toMatchObject(rope);
  });

  it.each([
    ['tinyllama-lckv-w10', { forceNodiag: true, forwardPasses: 7, backwardPasses: 2 }],
    ['tinyllama-chat', { layerTypes: ownKv(22), forceNodiag: false }],
    ['qwen2.5-0.5b', { layerTypes: ownKv(24) }],
    ['qwen3-0.6b.transformers-5', { layerTypes: ownKv(28) }],
    ['mistral-7b-v0.1', { layerTypes: ownKv(32, 's'), slidingWindow: 4096 }],
    ['mistral-7b-v0.3', { layerTypes: ownKv(32) }],
  ])('gives the sharing and the windows of %s', async (name, stored) => {
    expect((await read(name)).stored).toMatchObject(stored);
  });

  it('reads the same in the old style and in the new one', async () => {
    const { eosIds, ...old } = await read('qwen3-0.6b');
    expect(await read('qwen3-0.6b.transformers-5')).toEqual({ ...old, eosIds });
  });

  it("of Qwen2 windows layers from max_window_layers on, or those in transformers' array", async () => {
    const switchedOn = { use_sliding_window: true, max_window_layers: 21, sliding_window: 1024 };
    const tail = '_20_21s_22s_23s';
    const windowed = await read('qwen2.5-0.5b', switchedOn);
    expect(windowed.stored.layerTypes.endsWith(tail)).toBe(true);
    expect(windowed.stored.slidingWindow).toBe(1024);
    const array = Array.from({ length: 24 }, (_, i) => (i < 21 ? 'full_attention' : 'sliding_attention'));
    expect((await read('qwen2.5-0.5b', { layer_types: array })).stored.layerTypes.endsWith(tail)).toBe(true);
  });

  it("takes the family's own defaults for fields that it leaves out", async () => {
    const without = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
    const changed = async (name: string, ...names: string[]) =>
      valueOf(parseModelConfig(JSON.parse(JSON.stringify(await published(name, without(...names))))));
    expect((await changed('mistral-7b-v0.3', 'sliding_window')).stored).toMatchObject({
      layerTypes: ownKv(32, 's'),
      slidingWindow: 4096,
    });
    expect((await changed('tinyllama-lckv-w10', 'sliding_window')).stored.slidingWindow).toBe(4096);
    expect((await changed('qwen3-0.6b', 'head_dim', 'max_position_embeddings')).dims).toMatchObject({
      headDim: 128,
      contextTokens: 32_768,
    });
    expect((await read('llama-7b')).dims).toMatchObject({ kvHeads: 32, contextTokens: 2048 });
  });

  it.each([
    [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, 'quantization_config'],
    [{ rope_scaling: { rope_type: 'longrope', factor: 4 } }, 'rope_scaling'],
    [{ rope_scaling: { type: 'dynamic', factor: 4 } }, 'rope_scaling'],
    [{ rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] } }, 'rope_scaling.mrope_section'],
    [
      { rope_scaling: { rope_type: 'yarn', factor: 4, beta_fast: 1, beta_slow: 2 } },
      'rope_scaling.beta_fast',
    ],
    [{ rope_scaling: { rope_type: 'yarn', factor: -4 } }, 'rope_scaling.factor'],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4 }, rope_theta: 1 }, 'rope_theta'],
    [
      { rope_scaling: null, rope_parameters: { full_attention: { rope_theta: 1e6 } } },
      'rope_parameters.full_attention',
    ],
    [{ use_mrope: true }, 'use_mrope'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [{ hidden_act: 'gelu_pytorch_tanh' }, 'hidden_act'],
    [{ model_type: 'smollm3' }, 'model_type'],
    [{ model_type: 'qwen3_moe' }, 'model_type'],
  ])('is refused by the name of the unsupported field: %j', async (changes, field) => {
    expect(await failureOf('qwen3-0.6b', changes)).toMatchObject({ code: 'bad-config', field });
  });
});

describe('YaRN', () => {
  const yarn = async (stretch: Record<string, unknown>, changes: Record<string, unknown> = {}) =>
    (await read('qwen3-0.6b', { rope_scaling: { type: 'yarn', ...stretch }, ...changes })).dims.rope;

  it('takes its attention factor from the file, from both mscales, or from the factor', async () => {
    expect(await yarn({ factor: 4, attention_factor: 1.5 })).toMatchObject({ attentionFactor: 1.5 });
    expect(await yarn({ factor: 4, mscale: 1, mscale_all_dim: 1 })).toMatchObject({ attentionFactor: 1 });
    const half = (0.1 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1);
    expect(await yarn({ factor: 4, mscale: 1, mscale_all_dim: 0.5 })).toMatchObject({
      attentionFactor: half,
    });
    const alone = 0.1 * Math.log(4) + 1;
    expect(await yarn({ factor: 4, mscale: 0.7 })).toMatchObject({ attentionFactor: alone });
    expect(await yarn({ factor: 1 })).toMatchObject({ attentionFactor: 1 });
  });

  it('stretches the context that the file names, or the context of the model', async () => {
    expect(await yarn({ factor: 4 })).toMatchObject({ originalContextTokens: 40_960 });
    expect(
      await yarn(
        { factor: 4, original_max_position_embeddings: 100 },
        { original_max_position_embeddings: 200 },
      ),
    ).toMatchObject({ originalContextTokens: 200 });
    expect(await yarn({ original_max_position_embeddings: 10_240 })).toMatchObject({ factor: 4 });
  });
});
