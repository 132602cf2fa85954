import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../worker/outcome.ts';
import type { Repository } from '../../support/hub-server.ts';
import { COMMIT, failureOf, hubWith, ignore, modelAt, NAME, openLibrary, repository } from './fixture.ts';

const config = (name: string) => readFileSync(`tests/fixtures/configs/${name}.json`);

/** A repository with this config.json, and weights of some length. */
function withConfig(json: Uint8Array | string, weightBytes = 1000): Repository {
  const { files } = repository();
  const bytes = typeof json === 'string' ? new TextEncoder().encode(json) : json;
  const changed: [string, Uint8Array][] = [
    ['config.json', bytes],
    ['model.safetensors', new Uint8Array(weightBytes)],
  ];
  return repository({ files: new Map([...files, ...changed]) });
}

const tiny = (bytesPerNumber: number) => {
  const fields = {
    ...{ model_type: 'llama', hidden_size: 16, intermediate_size: 32, num_attention_heads: 2 },
    ...{ num_hidden_layers: 2, vocab_size: 64, max_position_embeddings: 100, tie_word_embeddings: true },
  };
  // Embedding, and per layer four projections of 16², three of 16 × 32 and two norms; one norm at the end.
  const numbers = 64 * 16 + 2 * (4 * 256 + 3 * 512 + 2 * 16) + 16;
  return withConfig(JSON.stringify(fields), bytesPerNumber * numbers + 800);
};

describe('a look at a model of the Hub', () => {
  it('asks for sizes and config.json, fetches no other file and keeps nothing', async () => {
    const server = await hubWith({ [NAME]: withConfig(config('smollm2-135m')) });
    const library = openLibrary({ room: () => Promise.resolve(5000) });
    const looked = valueOf(await library.look(modelAt(server)));
    expect(looked).toMatchObject({ files: 3, storedBytes: 0, commit: COMMIT, roomBytes: 5000 });
    expect(looked.config.dims).toMatchObject({ layerCount: 30, kvHeads: 3, contextTokens: 8192 });
    expect(looked.config.stored.layerTypes.split('_')).toHaveLength(30);
    expect(server.served.map(({ file }) => file)).toEqual(['config.json']);
    expect(valueOf(await openLibrary().stored())).toEqual([]);
  });

  it.each([
    [2, 'bf16'],
    [4, 'f32'],
  ])('tells weights of %i bytes by the size of their files', async (bytes, type) => {
    const server = await hubWith({ [NAME]: tiny(bytes) });
    expect(valueOf(await openLibrary().look(modelAt(server))).config.storedAs).toBe(type);
  });

  it.each([
    ['{"model_type": "gemma2"}', { code: 'bad-config', field: 'model_type' }],
    ['{"model_type": "llama"}', { code: 'bad-config', field: 'hidden_size' }],
    ['{"model_type": "llama"', { code: 'download-failed', file: 'config.json' }],
  ])('says what is wrong with a config.json that cannot be run: %s', async (json, said) => {
    const server = await hubWith({ [NAME]: withConfig(json) });
    expect(failureOf(await openLibrary().look(modelAt(server)))).toMatchObject(said);
  });

  it('counts what is stored already', async () => {
    const server = await hubWith({ [NAME]: tiny(2) });
    const library = openLibrary();
    valueOf(await library.download(modelAt(server), ignore));
    const { storedBytes, totalBytes } = valueOf(await library.look(modelAt(server)));
    expect(storedBytes).toBe(totalBytes);
  });
});
