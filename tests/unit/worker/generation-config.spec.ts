import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseGenerationConfig } from '../../../worker/loader/generation-config.ts';
import { initialValues, partOf } from '../../../worker/settings/values.ts';

const read = (json: unknown) => parseGenerationConfig(JSON.stringify(json), 100);
const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

describe('generation_config.json', () => {
  it('names one or several end tokens, and those beyond the vocabulary are left out', () => {
    expect(read({ eos_token_id: 7 }).eosIds).toEqual([7]);
    expect(read({ eos_token_id: [7, 9, 111] }).eosIds).toEqual([7, 9]);
    expect(read({}).eosIds).toEqual([]);
    expect(parseGenerationConfig(null, 100)).toEqual({ eosIds: [], suggested: null, notices: [] });
  });

  it('suggests the sampling of transformers, with its defaults for missing fields', () => {
    const { suggested } = read({
      do_sample: true,
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      repetition_penalty: 1.05,
    });
    expect(suggested).toEqual({
      sampling: { temperature: 0.7, topP: 0.8, topK: 20, minP: 0, repetitionPenalty: 1.05 },
      maxNewTokens: null,
      said: ['repetitionPenalty', 'temperature', 'topK', 'topP'],
    });
    expect(read({ do_sample: true, max_new_tokens: 9 }).suggested).toMatchObject({
      sampling: { temperature: 1, topK: 50, topP: 1 },
      maxNewTokens: 9,
    });
  });

  it('suggests greedy sampling without do_sample, with its own repetition penalty', () => {
    expect(read({ temperature: 0.7, top_k: 20 }).suggested?.sampling).toEqual(greedy);
    expect(read({ repetition_penalty: 1.2 }).suggested?.sampling).toEqual({
      ...greedy,
      repetitionPenalty: 1.2,
    });
  });

  it('suggests nothing if it names no field about sampling', () => {
    expect(read({ eos_token_id: 7, pad_token_id: 8 }).suggested).toBeNull();
    expect(read({ do_sample: false }).suggested).toMatchObject({ sampling: greedy, said: ['temperature'] });
  });

  it.each(readdirSync('public/models', { withFileTypes: true }).filter((entry) => entry.isDirectory()))(
    'of the shipped $name suggests what the page opens with',
    ({ name }) => {
      const text = readFileSync(`public/models/${name}/generation_config.json`, 'utf8');
      const { seed: _, ...sampling } = partOf('sampling', initialValues());
      expect(parseGenerationConfig(text, 2048).suggested?.sampling).toEqual(sampling);
    },
  );

  it.each([
    ['is not JSON', '{', 'not JSON'],
    ['is an array', '[]', 'not a JSON object'],
    ['nests 200,000 deep', `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 'nested'],
    ['names a key twice', '{"top_k": 1, "top_k": 2}', 'twice'],
    ['has an invalid end token', '{"eos_token_id": "end"}', 'eos_token_id'],
    ['has NaN as its temperature', '{"do_sample": true, "temperature": NaN}', 'temperature'],
    ['has a top_p above 1', '{"do_sample": true, "top_p": 7}', 'top_p'],
  ])('never stops a model, and a notice says so, if it %s', (_, text, named) => {
    expect(parseGenerationConfig(text, 100).notices).toEqual([expect.stringContaining(named)]);
  });

  it('names what kvtab does not follow, unless it changes nothing', () => {
    const notices = (json: object) => parseGenerationConfig(JSON.stringify(json), 100).notices;
    expect(notices({ num_beams: 4, typical_p: 0.9, suppress_tokens: [3], min_length: 0 })).toEqual([
      expect.stringContaining('num_beams, typical_p, suppress_tokens'),
    ]);
    expect(notices({ num_beams: 1, typical_p: 1, suppress_tokens: null, bad_words_ids: [] })).toEqual([]);
  });

  it('may hold an infinity in a field that nobody reads', () => {
    expect(parseGenerationConfig('{"eos_token_id": 2, "max_time": Infinity}', 100)).toMatchObject({
      eosIds: [2],
      notices: [],
    });
  });
});
