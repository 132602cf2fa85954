import {
  deepArray,
  deepObject,
  withConfig,
  withConfigText,
  withFiles,
  type HostileCase,
} from './hostile-case.ts';
import { config } from './tiny-model.ts';

const json = JSON.stringify(config);
const rope = (rope_scaling: unknown) => () => withConfig({ rope_scaling });
const changed = (changes: Record<string, unknown>) => () => withConfig(changes);
const written = (field: string, text: string) => () => withConfigText(field, text);
const whole = (content: string | Uint8Array<ArrayBuffer>) => () => withFiles({ 'config.json': content });
const generation = (content: string) => () => withFiles({ 'generation_config.json': content });
const everyLayer = { layer_types: '0s_2s_2s' };

/** Models whose config.json or generation_config.json is hostile. */
export const hostileConfigs: readonly HostileCase[] = [
  {
    name: 'a vocabulary beyond 2^53',
    files: written('vocab_size', '9007199254740993'),
    expected: /vocab_size/,
  },
  { name: 'a vocabulary of 1e308', files: changed({ vocab_size: 1e308 }), expected: /vocab_size/ },
  { name: 'a vocabulary of 2^24', files: changed({ vocab_size: 2 ** 24 }), expected: /embed_tokens.*shape/ },
  {
    name: 'sizes that overflow when multiplied',
    files: changed({
      ...{ vocab_size: 2 ** 24, hidden_size: 2 ** 20, intermediate_size: 2 ** 20, num_hidden_layers: 1024 },
      ...{ num_attention_heads: 4096, num_key_value_heads: 4096, head_dim: 1024, layer_types: null },
    }),
    expected: /embed_tokens.*shape/,
  },
  { name: 'one token too few', files: changed({ vocab_size: 2047 }), expected: /shape \[2048,16\], not/ },
  {
    name: '1e9 layers',
    files: changed({ num_hidden_layers: 1e9 }),
    expected: /num_hidden_layers: .*above 1024/,
  },
  { name: 'a negative number of layers', files: changed({ num_hidden_layers: -3 }), expected: /below 1/ },
  { name: 'half a layer', files: changed({ num_hidden_layers: 2.5 }), expected: /not a whole number/ },
  {
    name: 'layer_types of 50 MB',
    files: changed({ layer_types: '0_'.repeat(25e6) }),
    expected: /config\.json cannot be read/,
  },
  {
    name: 'a layer number of a million digits',
    files: changed({ layer_types: `${'9'.repeat(900_000)}_2_2` }),
    expected: /^Layer 0: there is no layer 9/,
  },
  { name: 'a layer number in Arabic digits', files: changed({ layer_types: '٠_2_2' }), expected: /Layer 0/ },
  {
    name: 'layer_types nested 200,000 deep',
    files: written('layer_types', deepArray(200_000)),
    expected: /nested/,
  },
  {
    name: 'a layer type nested 200,000 deep',
    files: written('layer_types', `["full_attention","full_attention",${deepArray(200_000)}]`),
    expected: /nested/,
  },
  { name: 'a window of 0', files: changed({ sliding_window: 0 }), expected: /sliding_window: 0 is below 1/ },
  { name: 'a window that is a text', files: changed({ sliding_window: 'NaN' }), expected: /sliding_window/ },
  { name: 'a window of 2^31', files: changed({ sliding_window: 2 ** 31 }), expected: /sliding_window/ },
  {
    name: 'a window of 2^31 − 1',
    files: changed({ sliding_window: 2 ** 31 - 1, ...everyLayer }),
    expected: 'loads',
  },
  { name: 'a window of 1', files: changed({ sliding_window: 1, ...everyLayer }), expected: 'loads' },
  { name: 'no window', files: changed({ sliding_window: null }), expected: 'loads' },
  { name: '1e9 passes', files: changed({ forward_passes: 1e9 }), expected: /forward_passes/ },
  {
    name: 'backward passes alone',
    files: changed({ forward_passes: 0, backward_passes: 0 }),
    expected: /at least one/,
  },
  { name: 'a rope_theta of 5e-324', files: changed({ rope_theta: 5e-324 }), expected: 'loads' },
  {
    name: 'a rope_theta of 0',
    files: changed({ rope_theta: 0 }),
    expected: /rope_theta: 0 is not above zero/,
  },
  { name: 'a negative rope_theta', files: changed({ rope_theta: -10_000 }), expected: /rope_theta/ },
  {
    name: 'a rope factor that is a text',
    files: rope({ type: 'linear', factor: 'NaN' }),
    expected: /factor/,
  },
  {
    name: 'a rope factor of 1e-320',
    files: rope({ type: 'linear', factor: 1e-320 }),
    expected: /factor: the angles/,
  },
  { name: 'a rope factor of 1e308', files: rope({ type: 'linear', factor: 1e308 }), expected: 'loads' },
  {
    name: 'a llama3 stretch at every limit',
    files: rope({
      ...{ rope_type: 'llama3', factor: 1e308, low_freq_factor: 5e-324, high_freq_factor: 1e308 },
      original_max_position_embeddings: 1e308,
    }),
    expected: 'loads',
  },
  {
    name: 'a llama3 stretch that makes infinite angles',
    files: rope({
      ...{ rope_type: 'llama3', factor: 5e-324, low_freq_factor: 1, high_freq_factor: 1.0000000000000002 },
      original_max_position_embeddings: 5e-324,
    }),
    expected: /rope_scaling\.factor/,
  },
  { name: 'a YaRN factor of 1e-320', files: rope({ rope_type: 'yarn', factor: 1e-320 }), expected: /factor/ },
  {
    name: 'a YaRN scale below zero',
    files: rope({ rope_type: 'yarn', factor: 4, mscale: -1e6, mscale_all_dim: 1 }),
    expected: /attention_factor/,
  },
  {
    name: 'a YaRN attention factor of 1e300',
    files: rope({ rope_type: 'yarn', factor: 4, attention_factor: 1e300 }),
    expected: /attention_factor/,
  },
  {
    name: 'a YaRN context of 5e-324',
    files: rope({ rope_type: 'yarn', original_max_position_embeddings: 5e-324 }),
    expected: /rope_scaling/,
  },
  {
    name: 'a rope_scaling that is an array',
    files: rope([]),
    expected: /rope_scaling: \[\] is not an object/,
  },
  { name: 'an unknown stretch', files: rope({ rope_type: 'constructor' }), expected: /constructor/ },
  {
    name: 'a rope_scaling nested 200,000 deep',
    files: written('rope_scaling', deepObject(150_000)),
    expected: /nested/,
  },
  {
    name: 'an epsilon of 5e-324',
    files: changed({ rms_norm_eps: 5e-324 }),
    expected: /rms_norm_eps.*0 in 32 bits/,
  },
  {
    name: 'an epsilon of 1',
    files: changed({ rms_norm_eps: 1 }),
    expected: /rms_norm_eps: 1 is not below 1/,
  },
  { name: 'an epsilon of 0.999', files: changed({ rms_norm_eps: 0.999 }), expected: 'loads' },
  {
    name: 'a context of 0',
    files: changed({ max_position_embeddings: 0 }),
    expected: /max_position_embeddings/,
  },
  { name: 'a context of 1', files: changed({ max_position_embeddings: 1 }), expected: 'loads' },
  { name: 'heads of 1024 numbers', files: changed({ head_dim: 1024 }), expected: /q_proj.*shape/ },
  {
    name: 'more KV heads than heads',
    files: changed({ num_key_value_heads: 4 }),
    expected: /num_key_value_heads/,
  },
  {
    name: 'an activation from Object',
    files: changed({ hidden_act: 'constructor' }),
    expected: /hidden_act/,
  },
  {
    name: 'a million nested objects',
    files: written('unused', deepObject(1e6)),
    expected: /more than 1048576/,
  },
  { name: 'arrays nested 500,000 deep', files: whole(deepArray(500_000)), expected: /nested/ },
  {
    name: 'a __proto__ with other sizes',
    files: written('__proto__', '{"vocab_size":1}'),
    expected: 'loads',
  },
  { name: 'nothing but a __proto__', files: whole(`{"__proto__":${json}}`), expected: /model_type/ },
  {
    name: 'layer_types twice',
    files: whole(`${json.slice(0, -1)},"layer_types":"0_1_2"}`),
    expected: /names "layer_types" twice/,
  },
  {
    name: 'a name twice, escaped',
    files: whole(`${json.slice(0, -1)},"vocab_siz\\u0065":7}`),
    expected: /names "vocab_size" twice/,
  },
  {
    name: '70 MB of padding',
    files: written('pad', `"${'x'.repeat(70e6)}"`),
    expected: /config\.json.*bytes/,
  },
  {
    name: '60 MB of numbers',
    files: written('pad', `[${'1,'.repeat(30e6)}1]`),
    expected: /config\.json cannot be read/,
  },
  { name: 'UTF-16', files: whole(new Uint8Array(Buffer.from(json, 'utf16le'))), expected: /UTF-16/ },
  { name: 'nothing', files: whole(''), expected: /config\.json cannot be used: it is empty/ },
  { name: 'null', files: whole('null'), expected: /not a JSON object/ },
  {
    name: 'a Git LFS pointer',
    files: whole(`version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1024\n`),
    expected: /config\.json.*Git LFS pointer.*1024 bytes/,
  },
  { name: 'a web page', files: whole('<!doctype html><title>Log in</title>'), expected: /web page/ },
  {
    name: 'ends of every token',
    files: changed({ eos_token_id: Array.from({ length: 2048 }, (_, token) => token) }),
    expected: 'loads',
  },
  {
    name: '20,000 ends',
    files: changed({ eos_token_id: Array.from({ length: 20_000 }, (_, token) => token) }),
    expected: /eos_token_id: it names 20000 tokens/,
  },
  {
    name: 'ends nested 200,000 deep',
    files: written('eos_token_id', deepArray(200_000)),
    expected: /nested/,
  },
  { name: 'an end of 1e300', files: changed({ eos_token_id: 1e300 }), expected: /eos_token_id/ },
  { name: 'a beginning that is an object', files: changed({ bos_token_id: {} }), expected: 'loads' },
  {
    name: 'a flag that is a text',
    files: changed({ tie_word_embeddings: 'true' }),
    expected: /tie_word_embeddings/,
  },
  {
    name: 'weights quantized by another program',
    files: changed({ quantization_config: { quant_method: 'gptq', bits: 4 } }),
    expected: /quantized to 4 bits by "gptq"/,
  },
  { name: 'a generation_config.json that is an array', files: generation('[]'), expected: 'loads' },
  { name: 'a generation_config.json that is no JSON', files: generation('{'), expected: 'loads' },
  {
    name: 'a generation_config.json nested 200,000 deep',
    files: generation(`{"eos_token_id":${deepArray(200_000)}}`),
    expected: 'loads',
  },
  {
    name: 'a suggested temperature of NaN',
    files: generation('{"do_sample":true,"temperature":NaN}'),
    expected: 'loads',
  },
  {
    name: 'a suggestion in __proto__',
    files: generation('{"__proto__":{"eos_token_id":[5]}}'),
    expected: 'loads',
  },
];
