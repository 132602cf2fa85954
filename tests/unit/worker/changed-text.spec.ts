import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changedText } from '../../../worker/text/changed-text.ts';
import { openTokenizer } from '../../../worker/text/tokenizer.ts';
import { ask, ignore, loaded } from './engines.ts';

const fairy = readFileSync('public/models/fairy-lckv/tokenizer.json', 'utf8');
const withNormalizer = (normalizer: object | null) =>
  JSON.stringify({ ...(JSON.parse(fairy) as object), normalizer });
const open = (normalizer: object | null) => openTokenizer(withNormalizer(normalizer));

/** One token per word; others are `<unk>`. */
const words = await openTokenizer(
  JSON.stringify({
    version: '1.0',
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    added_tokens: [
      {
        id: 0,
        content: '<unk>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
      {
        id: 1,
        content: '<end>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    model: { type: 'WordLevel', vocab: { '<unk>': 0, '<end>': 1, a: 2, king: 3 }, unk_token: '<unk>' },
  }),
);

describe('a prompt and its tokens', () => {
  it.each([
    'Once upon a time',
    '  two spaces,\n\ttabs and a line\n',
    'Ünïcödé, 中文, 😀 and \u0000',
    'a special <|end|> token <|begin|> in the text',
    '',
    ' ',
  ])('read the same if nothing is normalized: %j', async (text) => {
    expect(changedText(await open(null), text)).toBeNull();
  });

  it.each([
    [{ type: 'Lowercase' }, 'once Upon', 'at character 6, "U" became "u"'],
    [{ type: 'NFKC' }, 'a ﬁne king', 'at character 3, "ﬁ" became "f"'],
    [{ type: 'Replace', pattern: { String: '☃' }, content: '' }, 'a ☃', 'at character 3, "☃" is lost'],
  ])('differ where %o changes it, and the place is named', async (normalizer, text, said) => {
    expect(changedText(await open(normalizer), text)).toBe(`The tokenizer changes this prompt: ${said}.`);
  });

  it('differ where a word is unknown, but not where the text names a special token', () => {
    expect(changedText(words, 'a king <end> a king')).toBeNull();
    expect(changedText(words, 'a queen')).toBe(
      'The tokenizer changes this prompt: at character 3, "q" is lost.',
    );
  });

  it('are compared in the first 10,000 characters alone', async () => {
    const lower = await open({ type: 'Lowercase' });
    expect(changedText(lower, `${'a '.repeat(4000)}B${' a'.repeat(4000)}`)).toContain('at character 8001,');
    expect(changedText(lower, `${'a '.repeat(5100)}B`)).toBeNull();
    expect(changedText(await open(null), 'schöne Prinzessin 😀 '.repeat(2000))).toBeNull();
  });

  it('are compared in every run of a text', async () => {
    const { engine } = await loaded('fairy-lckv', {
      more: { 'tokenizer.json': withNormalizer({ type: 'Lowercase' }) },
    });
    expect(await engine.generate(ask({ input: { text: 'the King' } }), ignore)).toMatchObject({
      value: { notices: ['The tokenizer changes this prompt: at character 5, "K" became "k".'] },
    });
    expect(await engine.generate(ask({ input: { text: 'the king' } }), ignore)).toMatchObject({
      value: { notices: [] },
    });
  });
});
