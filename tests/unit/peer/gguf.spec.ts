import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromF16Bits, toFloat32 } from '../../../gpu/numbers/element-type.ts';
import { dequantizeRows, quantizeRows } from '../../../gpu/numbers/quantize.ts';
import { parseLayerTypes } from '../../../gpu/plan/layer-types.ts';
import type { ModelDims } from '../../../gpu/plan/model-dims.ts';
import type { RopeSpec } from '../../../gpu/plan/rope.ts';
import { CpuWeights } from '../../../gpu/cpu/weights.ts';
import { openFolderSource } from '../../../tools/headless/folder-source.ts';
import { decoderGguf, NotWritable } from '../../../worker/peer/gguf/decoder-gguf.ts';
import { ggufMatrix } from '../../../worker/peer/gguf/gguf-matrix.ts';
import { textOfTokens, tokensOfText, vocabulary } from '../../../worker/peer/gguf/token-text.ts';
import { ggufFiles } from '../../../worker/peer/gguf-files.ts';
import { readCheckpoint } from '../../../worker/peer/model-files.ts';
import { placeHere } from '../../../worker/text/place-here.ts';
import { readGguf } from '../../support/gguf-reader.ts';
import { writeTinyCheckpoint, type tinyConfigs } from '../../support/tiny-checkpoint-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'kvtab-gguf-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

type Weights = 'stored' | 'q8' | 'q4' | 'w4a8';

const optionsOf = (path: string, weights: Weights, quantizeEmbeddings = false) => ({
  ...{ source: openFolderSource(path), weights, quantizeEmbeddings, config: {}, openTextPlace: placeHere },
  ...{ positions: () => 40, emit: () => undefined },
});

/** A model's file, read back, and its numbers as the checkpoint has them. */
async function written(kind: keyof typeof tinyConfigs, weights: Weights, embeddings = false) {
  const path = join(folder, kind);
  writeTinyCheckpoint(path, kind);
  const options = optionsOf(path, weights, embeddings);
  const { gguf, ...files } = await ggufFiles(options);
  const { tensors } = await readCheckpoint({ ...options, weights: 'stored' }, () => undefined);
  return { ...files, ...readGguf(gguf), stored: tensors, fileTensors: readGguf(gguf).tensors };
}

/** Rows of a head as llama.cpp's `llama` turns them: 0, n/2, 1, n/2 + 1, … of the checkpoint's. */
const interleaved = (values: Float32Array, length: number, headDim: number) =>
  Float32Array.from(values, (_, i) => {
    const [row, col] = [Math.floor(i / length), i % length];
    const [head, at] = [Math.floor(row / headDim), row % headDim];
    const from = head * headDim + (at % 2 === 0 ? at / 2 : (at - 1) / 2 + headDim / 2);
    return values[from * length + col] ?? NaN;
  });

const yarn: RopeSpec = {
  ...{ type: 'yarn', theta: 10_000, factor: 4, betaFast: 32, betaSlow: 1, truncate: true },
  ...{ originalContextTokens: 64, attentionFactor: 1.1 },
};

describe('A GGUF file', () => {
  it('says the shape of a LLaMA, and has its 16-bit numbers, queries and keys in pairs', async () => {
    const { facts, fileTensors, stored, matrices, kvBytesPerToken } = await written('smollm-like', 'stored');
    expect(Object.fromEntries([...facts].filter(([name]) => !name.startsWith('tokenizer')))).toEqual({
      'general.architecture': 'llama',
      'llama.context_length': 256,
      'llama.embedding_length': 96,
      'llama.block_count': 3,
      'llama.feed_forward_length': 96,
      'llama.attention.head_count': 6,
      'llama.attention.head_count_kv': 2,
      'llama.attention.key_length': 16,
      'llama.attention.value_length': 16,
      'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-6),
      'llama.rope.dimension_count': 16,
      'llama.rope.freq_base': 10_000,
      'llama.vocab_size': 2048,
    });
    expect(facts.get('tokenizer.ggml.tokens')).toEqual(vocabulary(2048));
    // The head is the embedding, so there is no output.weight.
    expect([...fileTensors.keys()].filter((name) => !name.startsWith('blk.')).sort()).toEqual([
      ...['output_norm.weight', 'token_embd.weight'],
    ]);
    const numbers = (name: string) => {
      const found = fileTensors.get(name);
      if (!found) throw new Error(`there is no ${name}`);
      return toFloat32(found.bytes, found.type === 0 ? 'f32' : 'f16');
    };
    expect(fileTensors.get('blk.1.attn_k.weight')).toMatchObject({ shape: [96, 32], type: 1 });
    expect(numbers('blk.1.attn_k.weight')).toEqual(interleaved(stored.get('k', 1), 96, 16));
    expect(numbers('blk.1.attn_q.weight')).toEqual(interleaved(stored.get('q', 1), 96, 16));
    expect(numbers('blk.2.attn_v.weight')).toEqual(stored.get('v', 2));
    expect(numbers('blk.0.attn_output.weight')).toEqual(stored.get('o', 0));
    expect(numbers('blk.0.ffn_down.weight')).toEqual(stored.get('down', 0));
    expect(numbers('blk.0.ffn_norm.weight')).toEqual(stored.get('mlpNorm', 0));
    expect(fileTensors.get('blk.0.ffn_norm.weight')).toMatchObject({ shape: [96], type: 0 });
    expect([matrices, kvBytesPerToken]).toEqual(['f16', 2 * 2 * 3 * 2 * 16]);
  });

  it('has biases in the order of their rows, and a head of its own', async () => {
    const { fileTensors, stored } = await written('qwen2-like', 'stored');
    const bias = fileTensors.get('blk.0.attn_q.bias');
    expect(bias?.type).toBe(0);
    expect(toFloat32(bias?.bytes ?? new Uint8Array(), 'f32')).toEqual(
      interleaved(stored.get('qBias', 0), 1, 16),
    );
    const value = fileTensors.get('blk.0.attn_v.bias');
    expect(toFloat32(value?.bytes ?? new Uint8Array(), 'f32')).toEqual(stored.get('vBias', 0));
    expect(fileTensors.get('output.weight')?.shape).toEqual([64, 2048]);
  });

  it('of a model with norms over heads is a Qwen3, whose rows stay in their order', async () => {
    const { facts, fileTensors, stored } = await written('qwen-like', 'stored');
    expect(facts.get('general.architecture')).toBe('qwen3');
    expect(facts.get('qwen3.attention.key_length')).toBe(16);
    const query = fileTensors.get('blk.0.attn_q.weight');
    expect(toFloat32(query?.bytes ?? new Uint8Array(), 'f16')).toEqual(stored.get('q', 0));
    const norm = fileTensors.get('blk.2.attn_k_norm.weight');
    expect(norm?.shape).toEqual([16]);
    expect(toFloat32(norm?.bytes ?? new Uint8Array(), 'f32')).toEqual(stored.get('kNorm', 2));
  });

  it.each([
    ['q8', 'q8', 8],
    ['q4', 'q4', 2],
    ['w4a8', 'q4', 2],
  ] as const)('has exactly the numbers of %s that kvtab computes with', async (weights, format, type) => {
    const { fileTensors, stored, matrices } = await written('qwen2-like', weights, true);
    for (const [name, role, cols] of [
      ['blk.1.ffn_gate.weight', 'gate', 64],
      ['token_embd.weight', 'embed', 64],
    ] as const) {
      const found = fileTensors.get(name);
      expect(found?.type).toBe(type);
      const kept = dequantizeRows(
        quantizeRows(stored.get(role, role === 'gate' ? 1 : 0), cols, format),
        cols,
        format,
      );
      expect(unpacked(found?.bytes ?? new Uint8Array(), format)).toEqual(kept);
    }
    expect(matrices).toBe(format);
    const spared = await written('qwen2-like', weights);
    expect(spared.fileTensors.get('token_embd.weight')?.type).toBe(1);
  });

  it('keeps rows that end in part of a group as the same numbers in float32', () => {
    const values = Float32Array.from({ length: 80 }, (_, i) => Math.sin(i));
    const { type, bytes } = ggufMatrix(values, 40, 'q4');
    expect(type).toBe('f32');
    expect(toFloat32(bytes, 'f32')).toEqual(dequantizeRows(quantizeRows(values, 40, 'q4'), 40, 'q4'));
  });

  it('says by which factor each pair of a stretched model turns slower', () => {
    const rope: RopeSpec = {
      ...{ type: 'llama3', theta: 10_000, factor: 8, lowFreqFactor: 1, highFreqFactor: 4 },
      originalContextTokens: 64,
    };
    const factors = readGguf(file({ rope })).tensors.get('rope_freqs.weight');
    const numbers = toFloat32(factors?.bytes ?? new Uint8Array(), 'f32');
    expect(numbers).toHaveLength(4);
    expect(numbers[0]).toBe(1); // its waves are short
    expect(numbers[3]).toBe(8); // its waves are longer than the context
    expect(readGguf(file({})).tensors.has('rope_freqs.weight')).toBe(false);
  });

  it.each([
    [{ qkNorm: true, qkvBias: true }, '0_1', 'norms over heads and biases'],
    [{ qkNorm: true, rope: { type: 'linear', theta: 1e4, factor: 2 } as const }, '0_1', 'stretched'],
    [{ rope: yarn }, '0_1', 'YaRN'],
    [{}, '0_0', 'reads another one'],
    [{}, '0s_1', 'window'],
  ])('is not written of what it cannot say: %j, %s', (changes, plan, why) => {
    expect(() => file(changes, plan)).toThrow(NotWritable);
    expect(() => file(changes, plan)).toThrow(why);
  });
});

/** GGML's numbers, as its own code unpacks them. */
function unpacked(bytes: Uint8Array, format: 'q8' | 'q4'): Float32Array {
  const block = format === 'q8' ? 34 : 18;
  const values = new Float32Array((bytes.byteLength / block) * 32);
  for (let b = 0; b < bytes.byteLength / block; b++) {
    const own = bytes.subarray(b * block, (b + 1) * block);
    const scale = fromF16Bits((own[0] ?? 0) | ((own[1] ?? 0) << 8));
    for (let i = 0; i < 32; i++) {
      const byte = own[2 + (format === 'q8' ? i : i % 16)] ?? 0;
      const q = format === 'q8' ? (byte << 24) >> 24 : (i < 16 ? byte & 15 : byte >> 4) - 8;
      values[b * 32 + i] = q * scale;
    }
  }
  return values;
}

/** The file of two tiny layers without a number in them. */
function file(changes: Partial<ModelDims>, plan = '0_1') {
  const dims: ModelDims = {
    ...{ layerCount: 2, hiddenSize: 8, intermediateSize: 8, heads: 1, kvHeads: 1, headDim: 8, vocabSize: 3 },
    ...{
      contextTokens: 64,
      rmsNormEps: 1e-5,
      rope: { type: 'default', theta: 10_000 },
      tiedEmbeddings: true,
    },
    ...{ qkvBias: false, outputBias: false, mlpBias: false, qkNorm: false, ...changes },
  };
  const layers = parseLayerTypes(plan, 2);
  if (!layers.ok) throw new Error(layers.reason);
  const formats = { weights: 'stored', quantizeEmbeddings: false } as const;
  const weights = new CpuWeights(formats);
  weights.get = (role) =>
    new Float32Array(role === 'embed' ? 24 : role.endsWith('Norm') || role.endsWith('Bias') ? 8 : 64);
  return decoderGguf(dims, layers.value, weights, { ...formats, storedAs: () => 'f32', positions: 9 });
}

describe('Tokens as text', () => {
  it('are one character of four bytes each, and come back as they were', () => {
    const tokens = [0, 1, 65_535, 151_935];
    const text = textOfTokens(tokens);
    expect(new TextEncoder().encode(text)).toHaveLength(16);
    expect(tokensOfText(text)).toEqual(tokens);
    expect(() => tokensOfText('a')).toThrow('no token');
  });
});
