import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../gpu/backend.ts';
import { openCpuBackend } from '../../../gpu/reference/backend.ts';
import { loadModel } from '../../../worker/loader/load-model.ts';
import type { ModelSource } from '../../../worker/loader/model-source.ts';
import { Refused } from '../../../worker/outcome.ts';
import { goldenSource } from './sources.ts';
import { placeHere } from '../../../worker/text/place-here.ts';

/** The golden case `llama` with the text of some files replaced. Records which files are read. */
function replaced(texts: Readonly<Record<string, string | Refused>>) {
  const source = goldenSource('llama');
  const opened: string[] = [];
  const changed: ModelSource = {
    names: () => source.names(),
    text: async (file) => {
      const text = texts[file];
      if (text instanceof Refused) throw text;
      return text ?? source.text(file);
    },
    open: (file, begin) => {
      opened.push(file);
      return source.open(file, begin);
    },
  };
  const load = () =>
    loadModel({
      source: changed,
      openBackend: () => Promise.resolve(openCpuBackend()),
      openTextPlace: placeHere,
      weights: 'stored',
      quantizeEmbeddings: false,
      emit: () => undefined,
    });
  return { load, opened };
}

it('A load that failed tells no progress any more', async () => {
  const told: string[] = [];
  const cpu = openCpuBackend();
  let puts = 0;
  const backend: Backend = {
    ...cpu,
    allocate: async (request) => {
      const weights = await cpu.allocate(request);
      const put = weights.put.bind(weights);
      return Object.assign(weights, {
        put: (...rows: Parameters<typeof put>) =>
          ++puts > 5 ? Promise.reject(new Error('broken')) : put(...rows),
      });
    },
  };
  const load = loadModel({
    ...{
      source: goldenSource('llama'),
      openTextPlace: placeHere,
      weights: 'stored',
      quantizeEmbeddings: false,
    },
    openBackend: () => Promise.resolve(backend),
    emit: ({ type }) => told.push(type),
  });
  await expect(load).rejects.toThrow('broken');
  const atEnd = told.length;
  expect(told).toContain('download');
  // Of five tensors, the progress of most is held back.
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(told).toHaveLength(atEnd);
});

describe('A model that is loaded', () => {
  it('loads without a generation_config.json that is too large, and says so', async () => {
    const file = 'generation_config.json';
    const tooLarge = new Refused({ code: 'unreadable-file', file, reason: 'it has 20000008 bytes' });
    const model = await replaced({ [file]: tooLarge }).load();
    expect(model.notices).toEqual(['generation_config.json is not used: it has 20000008 bytes.']);
  });

  it('ends at the end tokens of config.json or generation_config.json', async () => {
    const both = replaced({ 'generation_config.json': '{"eos_token_id": [7, 1, 9]}' });
    expect((await both.load()).config.eosIds).toEqual([1, 7, 9]);
    expect((await replaced({}).load()).config.eosIds).toEqual([1]);
  });

  it('begins a text with the begin token of its tokenizer, if the model has a row for it', async () => {
    const withWords = async (count: number) => {
      const vocab = Object.fromEntries(Array.from({ length: count }, (_, id) => [`w${id}`, id]));
      const model = { type: 'WordLevel', vocab, unk_token: 'w0' };
      const files = {
        'tokenizer.json': JSON.stringify({ pre_tokenizer: { type: 'Whitespace' }, model }),
        'tokenizer_config.json': '{"bos_token": "<s>"}',
      };
      return (await replaced(files).load()).prefix;
    };
    expect(await withWords(3)).toEqual({ id: 3, text: '<s>' });
    expect(await withWords(5000)).toBeNull();
  });

  it.each([
    ['config.json', 'no JSON', 'config.json'],
    ['config.json', '{"model_type": "llama", "model_type": "llama"}', 'config.json'],
    ['config.json', '{"model_type": "gemma3_text"}', 'model_type'],
  ])('is refused before any weight is read if %s is %s', async (file, text, field) => {
    const { load, opened } = replaced({ [file]: text });
    await expect(load()).rejects.toMatchObject({ failure: { code: 'bad-config', field } });
    expect(opened).toEqual([]);
  });
});
