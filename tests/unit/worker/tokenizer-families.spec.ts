import { describe, expect, it } from 'vitest';
import { tokensOfConfig } from '../../../worker/text/chat-files.ts';
import { openTokenizer } from '../../../worker/text/tokenizer.ts';
import { bases, cases, texts } from '../../fixtures/tokenizers/families.json';
import answers from '../../fixtures/tokenizers/family-answers.json' with { type: 'json' };

type Json = Readonly<Record<string, unknown>>;

/** By case, for each text: its tokens, and what they read as (tools/tokenizers/answer_tokenizers.py). */
const expected = answers as unknown as Readonly<Record<string, readonly (readonly [number[], string])[]>>;
const baseOf = new Map<string, Json & { readonly model: Json }>(Object.entries(bases));

const open = (base: string, changes: Json, model: Json) => {
  const whole = baseOf.get(base);
  return openTokenizer(JSON.stringify({ ...whole, ...changes, model: { ...whole?.model, ...model } }));
};

describe('A tokenizer of a family gives the tokens and the text of tokenizers 0.23.2', () => {
  it.each(cases)('$name', async ({ name, base, changes, model }) => {
    const { encode, decode } = await open(base, changes, model);
    const found = texts.map((text) => {
      const tokens = encode(text, true);
      return [tokens, decode(tokens)];
    });
    expect(found).toEqual(expected[name]);
  });
});

const split = (more: object) => ({
  pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'Isolated', invert: false, ...more },
});

describe('What transformers refuses in a tokenizer is refused by name', () => {
  it.each<[named: string, changes: Json, model: Json]>([
    ['isolated', split({ behavior: 'isolated' }), {}],
    ['MergedWithNextt', split({ behavior: 'MergedWithNextt' }), {}],
    ['invert of a Split', split({ invert: 'false' }), {}],
    ['UnicodeScripts', { pre_tokenizer: { type: 'UnicodeScripts' } }, {}],
    ['Bytelevel', { pre_tokenizer: { type: 'Bytelevel' } }, {}],
    ['nfkc', { normalizer: { type: 'nfkc' } }, {}],
    ['one character', { pre_tokenizer: { type: 'Metaspace', replacement: '▁▁' } }, {}],
    ['no kind of vocabulary', {}, { type: 'bpe' }],
    ['merge 0 is', {}, { merges: ['a b c'] }],
    ['merge 1 is [', {}, { merges: [['a', 'b'], ['a']] }],
  ])('%s', async (named, changes, model) => {
    await expect(open('bytes', changes, model)).rejects.toThrow(named);
  });

  it('an unknown character in a Unigram without unk_id', async () => {
    const { encode } = await open('unigram', {}, { unk_id: null });
    expect(() => encode('Ж', true)).toThrow('no token for');
  });
});

describe('tokenizer_config.json adds tokens that tokenizer.json lacks, as transformers 5.18 does', () => {
  const open = (config: Json, added: readonly object[] = []) =>
    openTokenizer(JSON.stringify({ ...bases.bytes, added_tokens: added }), tokensOfConfig(config));
  const text = 'a<e>b<x>';

  it.each<[what: string, config: Json, tokens: number[]]>([
    ['nothing', {}, [64, 27, 68, 29, 65, 27, 87, 29]],
    ['its special tokens', { eos_token: '<e>' }, [64, 300, 65, 27, 87, 29]],
    ['special tokens as objects', { bos_token: { content: '<e>' } }, [64, 300, 65, 27, 87, 29]],
    [
      'tokens by id, in the order of the ids',
      {
        eos_token: '<e>',
        added_tokens_decoder: { 305: { content: '<e>', special: true }, 300: { content: '<x>' } },
      },
      [64, 301, 65, 300],
    ],
    [
      'special tokens of other kinds',
      { image_token: '<e>', extra_special_tokens: { boi_token: '<x>' } },
      [64, 300, 65, 301],
    ],
  ])('%s', async (_, config, tokens) => {
    expect((await open(config)).encode(text, true)).toEqual(tokens);
  });

  it('and leaves those alone that are there', async () => {
    const there = { ...{ id: 300, content: '<e>', special: false }, normalized: false };
    const tokenizer = await open({ eos_token: '<e>' }, [there]);
    expect(tokenizer.idOf('<e>')).toBe(300);
    expect(tokenizer.isSilent(300)).toBe(false);
    expect(tokenizer.notices).toEqual([]);
  });

  it('but nothing that is no token', () => {
    const config = {
      eos_token: 5,
      bos_token: 'e'.repeat(20_000),
      added_tokens_decoder: { x: 1, 7: null, 8: {} },
    };
    expect(tokensOfConfig(config)).toEqual([]);
    expect(tokensOfConfig({ added_tokens_decoder: 'none', extra_special_tokens: ['<x>'] })).toEqual([]);
  });
});

describe('A tokenizer has a notice', () => {
  const token = (id: number, content: string) => ({ id, content, special: true });

  it('if its added tokens get other ids than its file says', async () => {
    const { notices, idOf } = await open(
      'bytes',
      { added_tokens: [token(900, '<x>'), token(901, '<y>')] },
      {},
    );
    expect(idOf('<x>')).toBe(300);
    expect(notices).toEqual([expect.stringMatching(/"<x>" the id 900 \(and 1 more\).* 300/)]);
  });

  it('if merges make what its vocabulary does not have', async () => {
    const { notices } = await open(
      'bytes',
      {},
      {
        merges: [
          ['Z', 'Q'],
          ['qq', 'a'],
          ['i', 'n'],
        ],
      },
    );
    expect(notices).toEqual([expect.stringContaining('2 merges')]);
    expect(notices[0]).toContain('"Z" and "Q"');
  });

  it('never if its file is sound', async () => {
    expect((await open('bytes', {}, {})).notices).toEqual([]);
  });
});
