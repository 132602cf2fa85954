import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { lostText } from '../../../worker/text/lost-text.ts';
import { openTokenizer } from '../../../worker/text/tokenizer.ts';

type Json = Record<string, unknown> & { model: Record<string, unknown> };

const shipped = async () =>
  JSON.parse(await readFile('public/models/fairy-lckv/tokenizer.json', 'utf8')) as Json;

describe('A tokenizer', () => {
  it('splits digits of every script, one by one or in groups', async () => {
    const json = await shipped();
    const vocab = { a: 0, '1': 1, '2': 2, '٣': 3, '٤': 4, '12': 5, '٣٤': 6 };
    const merges = [
      ['1', '2'],
      ['٣', '٤'],
    ];
    const model = { type: 'BPE', vocab, merges };
    const open = (individual_digits: boolean) =>
      openTokenizer(
        JSON.stringify({
          ...json,
          normalizer: null,
          added_tokens: [],
          post_processor: null,
          decoder: null,
          model,
          pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits }] },
        }),
      );
    expect((await open(true)).encode('a12٣٤', false)).toEqual([0, 1, 2, 3, 4]);
    expect((await open(false)).encode('a12', false)).toEqual([0, 5]);
  });

  it('keeps both sides of a cut if its Split is inverted', async () => {
    const split = { type: 'Split', pattern: { Regex: String.raw`\s+` }, behavior: 'Isolated', invert: true };
    const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
    const pre_tokenizer = { type: 'Sequence', pretokenizers: [split, bytes] };
    const tokenizer = await openTokenizer(JSON.stringify({ ...(await shipped()), pre_tokenizer }));
    expect(lostText(tokenizer)).toBeNull();
    // tokenizers 0.23.2
    const expected = [41, 423, 80, 222, 222, 88, 289, 305, 200, 200, 199, 71, 340, 222, 222];
    expect(tokenizer.encode('Hello  world\n\n\tfoo  ', false)).toEqual(expected);
  });

  it('reads a vocabulary of whole words, and says which word it lacks if there is no unknown token', async () => {
    const vocab = { '<unk>': 0, once: 1, upon: 2 };
    const open = (model: object) =>
      openTokenizer(
        JSON.stringify({
          pre_tokenizer: { type: 'Whitespace' },
          model: { type: 'WordLevel', vocab, ...model },
        }),
      );
    expect((await open({ unk_token: '<unk>' })).encode('once upon a', true)).toEqual([1, 2, 0]);
    const lacking = await open({});
    expect(() => lacking.encode('once upon a', true)).toThrow('no token for "a"');
  });

  it('is refused by name if its vocabulary is of an unknown kind', async () => {
    const json = await shipped();
    const text = JSON.stringify({ ...json, model: { ...json.model, type: 'Quantum' } });
    await expect(openTokenizer(text)).rejects.toThrow('Quantum');
  });

  it.each([
    [
      'is a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9085657\n',
      'Git LFS',
    ],
    ['is a web page', '<!doctype html>', 'web page'],
    ['nests too deep', `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 'nested'],
  ])('is refused with a reason if its file %s', async (_, text, named) => {
    await expect(openTokenizer(text)).rejects.toThrow(named);
  });

  it('gets a notice about lost text if, and only if, a probe does not come back', async () => {
    const json = await shipped();
    expect(lostText(await openTokenizer(JSON.stringify(json)))).toBeNull();
    const empty = { ...json, model: { ...json.model, vocab: {}, merges: [] } };
    expect(lostText(await openTokenizer(JSON.stringify(empty)))).toContain('loses text');
  });
});
