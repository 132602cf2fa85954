import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outlookOf, WASM_BYTES, type Outlook } from '../../../web/panels/hub/outlook.ts';
import { suggestions } from '../../../web/panels/hub/suggestions.ts';
import { fitLine, roomLine, verdictLine, words } from '../../../web/panels/hub/words.ts';
import { parseReference } from '../../../worker/hub/address.ts';
import { parseModelConfig } from '../../../worker/loader/model-config.ts';
import { valueOf } from '../../../worker/outcome.ts';
import { looked } from './hub-fixture.ts';

const GIB = 2 ** 30;

function outlook(name: string, memoryBytes: number | null = null, changes = {}): Outlook {
  const json: unknown = JSON.parse(readFileSync(`tests/fixtures/configs/${name}.json`, 'utf8'));
  const { dims, stored } = valueOf(parseModelConfig(json));
  const found = outlookOf(
    { dims, stored, storedAs: 'bf16' },
    { kvPrecision: 'f16', quantizeEmbeddings: false, memoryBytes, ...changes },
  );
  if (!found) throw new Error('its plan cannot be read');
  return found;
}

describe('what a model will need', () => {
  it('is for SmolLM2 135M what its tensors add up to', () => {
    const { rows, kvBytes, kvBytesPerToken, contextTokens } = outlook('smollm2-135m');
    expect(contextTokens).toBe(8192);
    expect(kvBytesPerToken).toBe(30 * 2 * 3 * 64 * 2);
    expect(kvBytes).toBe(8192 * kvBytesPerToken);
    const [f16, q8, q4] = rows;
    // Its file has 269 MB: 16 bits for each number. The vectors are kept in 32.
    expect((f16?.gpu.weightBytes ?? 0) / 269_030_000).toBeCloseTo(1, 2);
    expect(q8?.gpu.weightBytes).toBeLessThan(f16?.gpu.weightBytes ?? 0);
    expect(q4?.gpu.weightBytes).toBeLessThan(q8?.gpu.weightBytes ?? 0);
    expect(f16?.gpu.longestText).toBe(8192);
    expect(q8?.cpu.weightBytes).toBeLessThan(f16?.cpu.weightBytes ?? 0);
    expect(q4?.cpu.weightBytes).toBeLessThan(q8?.cpu.weightBytes ?? 0);
  });

  it('counts the KV of the model’s own plan, and windows as what they hold', () => {
    const lckv = outlook('tinyllama-lckv-w10');
    const plain = outlook('tinyllama-chat');
    expect(lckv.kvBytesPerToken / plain.kvBytesPerToken).toBe(11 / 22);
    const mistral = outlook('mistral-7b-v0.1');
    expect(mistral.kvBytes).toBe(4096 * mistral.kvBytesPerToken);
  });

  it('fits with as long a text as there is room for beside the weights', () => {
    const at = (bytes: number) => outlook('llama-3.2-1b-instruct', bytes);
    const { rows, kvBytes, kvBytesPerToken, contextTokens } = at(1000 * GIB);
    const texts = (bytes: number) => at(bytes).rows.map(({ gpu }) => gpu.longestText);
    expect(texts(1000 * GIB)).toEqual([contextTokens, contextTokens, contextTokens]);
    const q8 = rows[1]?.gpu.weightBytes ?? 0;
    expect(texts(q8 + kvBytes - 1)[1]).toBe(contextTokens - 1);
    expect(texts(q8 + 500 * kvBytesPerToken)).toEqual([0, 500, expect.any(Number)]);
    expect(texts(q8 + 100 * kvBytesPerToken)[1]).toBe(0);
    expect(texts(0)).toEqual([0, 0, 0]);
  });

  it('never has more than WebAssembly can address on the CPU', () => {
    const { rows, kvBytesPerToken } = outlook('llama-3.2-1b-instruct', 1000 * GIB);
    const [f16] = rows.map(({ cpu }) => cpu);
    const room = WASM_BYTES - (f16?.weightBytes ?? 0);
    expect(f16?.longestText).toBe(Math.floor(room / kvBytesPerToken));
    const [large] = outlook('mistral-7b-v0.1', 1000 * GIB).rows.map(({ cpu }) => cpu);
    expect(large?.weightBytes).toBeGreaterThan(WASM_BYTES);
    expect(large?.longestText).toBe(0);
  });

  it('is less where embeddings are quantized too', () => {
    const [, spared] = outlook('smollm2-135m').rows;
    const [, all] = outlook('smollm2-135m', null, { quantizeEmbeddings: true }).rows;
    expect(all?.gpu.weightBytes).toBeLessThan(spared?.gpu.weightBytes ?? 0);
  });

  it('is said in words', () => {
    expect(verdictLine(outlook('llama-3.2-1b-instruct', 1.2 * GIB), 1.2 * GIB)).toBe(
      'With 1.2 GiB, it fits on the GPU only in 4-bit, and does not fit on the CPU in any format. Where the table names a number of tokens, longer texts do not fit.',
    );
    expect(fitLine({ weightBytes: 1, longestText: 0 }, 100)).toBe('too large');
    expect(fitLine({ weightBytes: 1, longestText: 100 }, 100)).toBe('fits');
    expect(fitLine({ weightBytes: 1, longestText: 2000 }, 5000)).toBe('up to 2,000 tokens');
    expect(verdictLine(outlook('smollm2-135m', 8 * GIB), 8 * GIB)).toBe(
      'With 8 GiB, it fits on the GPU in every format, and fits on the CPU in every format.',
    );
    expect(words.outlook.kv(outlook('smollm2-135m'), 'f16')).toContain(
      '8,192 tokens: 180 MiB in f16, 22.5 KiB per token',
    );
  });

  it('says whether the browser has room to store it', () => {
    expect(roomLine({ ...looked, roomBytes: null })).toBe('');
    expect(roomLine({ ...looked, roomBytes: 60 })).toBe('This browser has room to store it.');
    expect(roomLine({ ...looked, roomBytes: 59 })).toContain('room to store 59 B more, which is not enough');
    expect(roomLine({ ...looked, storedBytes: 100, roomBytes: 0 })).toBe('');
  });
});

describe('the suggested models', () => {
  it('are eight repositories, each once, with a size', () => {
    expect(suggestions).toHaveLength(8);
    expect(new Set(suggestions.map(({ repository }) => repository)).size).toBe(8);
    for (const { repository, size } of suggestions) {
      expect(parseReference(repository)).toEqual({ repository, revision: 'main' });
      expect(size).toMatch(/^[\d.]+ [MG]B$/);
    }
  });
});
