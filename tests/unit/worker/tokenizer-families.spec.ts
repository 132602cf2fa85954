import { describe, expect, it } from 'vitest';
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
  it.each(cases)('$name', ({ name, base, changes, model }) => {
    const { encode, decode } = open(base, changes, model);
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
  ])('%s', (named, changes, model) => {
    expect(() => open('bytes', changes, model)).toThrow(named);
  });

  it('an unknown character in a Unigram without unk_id', () => {
    const { encode } = open('unigram', {}, { unk_id: null });
    expect(() => encode('Ж', true)).toThrow('no token for');
  });
});

describe('A tokenizer has a notice', () => {
  const token = (id: number, content: string) => ({ id, content, special: true });

  it('if its added tokens get other ids than its file says', () => {
    const { notices, idOf } = open('bytes', { added_tokens: [token(900, '<x>'), token(901, '<y>')] }, {});
    expect(idOf('<x>')).toBe(300);
    expect(notices).toEqual([expect.stringMatching(/"<x>" the id 900 \(and 1 more\).* 300/)]);
  });

  it('if merges make what its vocabulary does not have', () => {
    const { notices } = open(
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

  it('never if its file is sound', () => {
    expect(open('bytes', {}, {}).notices).toEqual([]);
  });
});
